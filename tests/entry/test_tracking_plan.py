"""The tracking plan of Tienda Norte, from its file to the list of what did not fit."""

from __future__ import annotations

from api_house import problem, tell

from oportuno.entry.cli_workspace import read_folder

PLAN = """\
tracking_plan:
  mode: {mode}
  unknown: warn
  events:
    Order Completed:
      properties:
        required: [order_id]
        properties:
          order_id: {{type: string}}
    Product Viewed:
    Product Added:
    Cart Viewed:
"""


async def lay_down(tienda, mode: str) -> None:
    answer = await tienda.post("/definitions", {"files": {"tracking-plan.yaml": PLAN.format(mode=mode)}})
    assert answer.status_code == 200, answer.text


async def listed(tienda) -> list[tuple[str, str, int, int]]:
    answer = await tienda.get("/tracking-plan/violations")
    assert answer.status_code == 200, answer.text
    return [(each["event"], each["sentences"]["en"], each["times"], each["blocked"]) for each in answer.json()["items"]]


def test_an_order_that_does_not_fit_is_stored_and_listed_where_the_plan_warns():
    async def story(tienda):
        await lay_down(tienda, "warn")
        message = "0f8c2d1e-7a55-4d5f-9d5a-3b3f0c7f9b11"
        await tienda.send("track", userId="ana", event="Order Completed", messageId=message, properties={"total": 50})
        await tienda.work()
        events = (await tienda.get("/customers/ana/events")).json()["items"]
        assert [event["name"] for event in events] == ["Order Completed"]
        assert await listed(tienda) == [("Order Completed", "“order_id” is missing", 1, 0)]
        [told] = (await tienda.get("/tracking-plan/violations")).json()["items"]
        assert (told["example"], told["sentences"]["es"]) == (message, "falta «order_id»")

    tell(story)


PEOPLE = """\
tracking_plan:
  unknown: ignore
  events: {}
  identify:
    mode: block
    traits:
      required: [email]
      properties:
        email: {type: string}
        birthday: false
"""


def test_what_should_never_be_told_of_a_person_is_kept_out_and_the_value_is_never_shown():
    async def story(tienda):
        assert (await tienda.post("/definitions", {"files": {"tracking-plan.yaml": PEOPLE}})).status_code == 200
        await tienda.send("identify", userId="ana", traits={"email": "ana@example.com"})
        told = {"userId": "bruno", "traits": {"email": "bruno@example.com", "birthday": "1990-04-01"}}
        refused = await tienda.client.post("/v1/identify", json=told, auth=(tienda.write_key, ""))
        assert (refused.status_code, refused.json()["rejects"][0]["place"]) == (200, "identify.traits.birthday")
        nothing = await tienda.client.post("/v1/identify", json={"userId": "carla"}, auth=(tienda.write_key, ""))
        assert nothing.json()["rejects"][0]["place"] == "identify.traits.email"
        await tienda.work()
        assert (await tienda.get("/customers/ana")).status_code == 200
        assert (await tienda.get("/customers/bruno")).status_code == 404
        found = await listed(tienda)
        assert sorted((event, times, blocked) for event, _, times, blocked in found) == [("identify", 1, 1), ("identify", 1, 1)]
        assert "1990" not in str(found)

    tell(story)


def test_where_the_plan_blocks_it_is_a_reject_that_is_replayed_once_the_plan_was_mended():
    async def story(tienda):
        await lay_down(tienda, "block")
        answer = await tienda.client.post(
            "/v1/batch",
            json={"batch": [
                {"type": "track", "userId": "ana", "event": "Order Completed", "properties": {"order_id": 7}, "messageId": "m1"},
                {"type": "track", "userId": "ana", "event": "Order Completed", "properties": {"order_id": "7"}, "messageId": "m2"},
            ]},
            auth=(tienda.write_key, ""),
        )  # fmt: skip
        assert (answer.status_code, answer.json()["events"], answer.json()["rejected"]) == (200, 1, 1)
        assert answer.json()["rejects"][0] | {"detail": ""} == {
            "place": "batch[0].properties.order_id", "code": "plan_violation", "detail": ""
        }  # fmt: skip
        assert await listed(tienda) == [("Order Completed", "“order_id” is not of the type string", 1, 1)]
        [reject] = (await tienda.get("/rejects")).json()["items"]
        assert (await tienda.get("/tracking-plan/violations")).json()["items"][0]["example"] == reject["reject"]
        again = await tienda.post(f"/rejects/{reject['reject']}/replay")
        assert (again.json()["stored"], again.json()["code"]) == (0, "plan_violation")
        await lay_down(tienda, "warn")
        again = await tienda.post(f"/rejects/{reject['reject']}/replay")
        assert again.json()["stored"] == 1

    tell(story)


def test_events_that_nobody_planned_are_listed_by_name_and_stored():
    async def story(tienda):
        await lay_down(tienda, "block")
        for _ in range(2):
            await tienda.send("track", userId="ana", event="Order Compleeted", properties={"order_id": "7"})
        await tienda.send("page", userId="ana", name="Inicio")
        assert await listed(tienda) == [("Order Compleeted", "the tracking plan does not know this event", 2, 0)]

    tell(story)


def test_an_event_of_another_vocabulary_is_held_against_what_it_means():
    async def story(tienda):
        await lay_down(tienda, "block")
        item = {"item_id": "p1", "price": 5}
        await tienda.send("track", userId="ana", event="purchase", properties={"transaction_id": "7", "currency": "EUR", "items": [item]})
        await tienda.send("track", userId="ana", event="view_item", properties={"currency": "EUR", "items": [item]})
        assert await listed(tienda) == []

    tell(story)


def test_the_plan_comes_back_as_it_was_laid_down_and_a_fault_in_it_names_its_line():
    async def story(tienda):
        await lay_down(tienda, "warn")
        files = (await tienda.get("/definitions")).json()["files"]
        assert files["tracking-plan.yaml"] == PLAN.format(mode="warn")
        broken = PLAN.format(mode="warn").replace("type: string", "type: strin")
        told = problem(await tienda.post("/definitions", {"files": {"tracking-plan.yaml": broken}}), 400, "definitions_invalid")
        assert told["faults"][0]["place"] == "tracking-plan.yaml:9"

    tell(story)


def test_without_a_plan_everything_fits():
    async def story(tienda):
        await tienda.send("track", userId="ana", event="Whatever", properties={"order_id": 7})
        assert await listed(tienda) == []

    tell(story)


def test_a_folder_with_a_tracking_plan_alone_is_a_folder_of_definitions(tmp_path):
    (tmp_path / "tracking-plan.yaml").write_text(PLAN.format(mode="warn"), encoding="utf-8")
    assert read_folder(tmp_path) == {"tracking-plan.yaml": PLAN.format(mode="warn")}
