"""What happens by telephone and at the till is heard like everything else, and a call from us is not followed by a mail on top."""

from __future__ import annotations

from api_house import tell

from oportuno.events.touchpoints import call_from
from oportuno.kit.times import MINUTE
from shop_posts import ago

_ROW = {"user_id": "ana", "at": ago(days=2), "source": "centralita"}


async def by_server(tienda, **call) -> None:
    answer = await tienda.client.post("/v1/batch", json={"batch": [call]}, headers=tienda.secret)
    assert (answer.status_code, answer.json().get("rejected", 0)) == (200, 0), answer.text
    await tienda.work()


POLICY = """\
policy:
  quiet: none
  limits:
    - {at_most: 1, per: 1d}
brand:
  name: Tienda Norte
  legal: Tienda Norte, calle del Muelle 3, 39004 Santander
  sender: hola@tiendanorte.example
"""


async def one_a_day(tienda) -> None:
    answer = await tienda.post("/definitions", {"files": {"policy.yaml": POLICY}})
    assert answer.status_code == 200, answer.text


async def decided(tienda) -> list[tuple[str, str]]:
    verdicts = (await tienda.get("/customers/ana/verdicts")).json()["items"]
    return [(each["decided"], each["reasons"][0]["refusal"] if each["reasons"] else "") for each in verdicts]


def test_after_we_rang_ana_up_the_mail_about_her_cart_waits_and_after_she_rang_us_it_does_not():
    for direction, expected in (("outbound", [("wait", "limit_reached")]), ("inbound", [("speak", "")])):

        async def story(tienda, direction=direction, expected=expected):
            await one_a_day(tienda)
            await tienda.send("identify", userId="ana", traits={"email": "ana@example.com"})
            await tienda.work()
            await tienda.say_yes("ana")
            await by_server(
                tienda, type="track", event="Call Ended", userId="ana", properties={"direction": direction, "source": "centralita"}
            )
            await tienda.leave_a_cart("ana")
            await tienda.pass_time(61 * MINUTE)
            assert await decided(tienda) == expected

        tell(story)


def test_a_sale_at_the_till_is_an_order_with_its_store():
    async def story(tienda):
        lines = [{"product_id": "p1", "price": "50,00", "quantity": "1"}, {"product_id": "p2", "price": "5,00", "quantity": "2"}]
        head = _ROW | {"order_id": "T-1", "store": "madrid", "total": "60,00", "currency": "EUR", "payment_method": "efectivo"}
        await by_server(tienda, **call_from("till", [head | line for line in lines]))
        profile = (await tienda.get("/customers/ana")).json()["profile"]
        assert profile["orders"]["totals"] == [{"amount": "60.00", "currency": "EUR"}]
        assert profile["orders"]["recent"][0]["store"] == "madrid"
        [event] = (await tienda.get("/customers/ana/events")).json()["items"]
        assert (event["source"], event["unfit"], event["body"]["properties"]["channel"]) == ("late", [], "till")

    tell(story)


def test_a_complaint_from_a_row_of_the_help_desk_keeps_marketing_silent_until_it_is_closed():
    async def story(tienda):
        await tienda.send("identify", userId="ana", traits={"email": "ana@example.com"})
        await tienda.work()
        for state, open_now, at in (("opened", True, ago(hours=3)), ("closed", False, ago(hours=2))):
            await by_server(tienda, **call_from("complaints", [_ROW | {"complaint_id": "C-1", "state": state, "at": at}]))
            wishes = (await tienda.get("/customers/ana/wishes")).json()
            assert (wishes["complaint_open_since"] is not None) is open_now

    tell(story)


def test_calls_visits_and_returns_of_files_fit_whatever_else_they_are():
    async def story(tienda):
        rows = {
            "calls": {"direction": "outbound", "call_id": "1", "duration": "90"},
            "visits": {"store": "madrid"},
            "returns": {"order_id": "T-1", "product_id": "p1", "reason": "talla"},
            "refunds": {"order_id": "T-1", "total": "50", "currency": "EUR"},
        }
        for kind, row in rows.items():
            await by_server(tienda, **call_from(kind, [_ROW | row]))
        events = (await tienda.get("/customers/ana/events")).json()["items"]
        assert {event["name"] for event in events} == {"Call Ended", "Store Visited", "Order Returned", "Order Refunded"}
        assert all(event["unfit"] == [] for event in events)

    tell(story)
