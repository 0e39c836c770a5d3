"""What was heard can be looked at; addresses are put on the list of suppressions, looked for and taken off by whoever has the key."""

from __future__ import annotations

import asyncio

from api_house import problem, tell

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.flows.hear_back import HearBack, HeardAs, hear_back
from oportuno.kit.ids import derive, key_of, read_customer, read_id
from oportuno.kit.times import HOUR

ANA = "ana@example.com"
CART = {"product_id": "p2", "name": "Gorro", "price": 20, "quantity": 1, "currency": "EUR"}


def ear_of(tienda) -> HearBack:
    world = tienda.world
    return HearBack(hearings=world.hearings, store=world.store, programmes=world.programmes, intake=world.intake)


async def told(tienda, what: What, message: str = "", **more) -> HeardAs:
    facts = {"id": derive(what.value, message, str(more)), "what": what, "source": "dsn", "at": tienda.world.clock.now}
    facts |= {"proof": Proof.SIGNED, "message": read_id("msg", message) if message else b""}
    return await hear_back(Hearing(**{**facts, **more}), ear_of(tienda))


async def a_cart_mail(tienda) -> str:
    """Ana says yes, leaves a cart, and the mail about it is handed off; gives its id."""
    await tienda.leave_a_cart("ana")
    await tienda.say_yes("ana")
    await tienda.send("track", userId="ana", event="Product Added", properties=CART)
    await tienda.work()
    await tienda.pass_time(5 * HOUR)
    [message] = (await tienda.get("/customers/ana/messages")).json()["items"]
    row = tienda.world.tables.messages[read_id("msg", message["message"])]
    row.handed_at, row.mark = tienda.world.clock.now, tienda.world.hearings.mark(row.message.key.workspace, "email", ANA)
    return message["message"]


def test_what_was_heard_of_her_mail_is_shown_with_what_followed():
    async def story(tienda):
        mail = await a_cart_mail(tienda)
        assert await told(tienda, What.DELIVERED, mail) is HeardAs.TAKEN
        assert await told(tienda, What.HARD_BOUNCE, mail, status="5.1.1") is HeardAs.TAKEN
        page = (await tienda.get("/hearings", limit=1)).json()
        rest = (await tienda.get("/hearings", cursor=page["next"])).json()
        shown = page["items"] + rest["items"]
        assert sorted(each["what"] for each in shown) == ["delivered", "hard_bounce"]
        assert {(each["message"], each["heard_as"], each["ours"]) for each in shown} == {(mail, "taken", True)}
        assert rest["next"] is None
        [entry] = (await tienda.get("/suppressions")).json()["items"]
        assert (entry["reason"], entry["source"], entry["note"]) == ("hard_bounce", "dsn", "5.1.1")
        problem(await tienda.client.get("/api/v1/hearings"), 401, "key_missing")

    tell(story)


def test_what_nobody_can_place_is_shown_and_what_is_personal_in_it_only_to_whose_it_is():
    async def story(tienda):
        own = {"workspace": tienda.workspace, "address": ANA, "raw": b"From: ana"}
        assert await told(tienda, What.HARD_BOUNCE, proof=Proof.BARE, **own) is HeardAs.NOT_BELIEVED
        assert await told(tienda, What.REPLY, address=ANA, raw=b"From: ana", detail="ana wrote") is HeardAs.UNMATCHED
        [ours] = (await tienda.get("/hearings", unmatched="ours")).json()["items"]
        assert (ours["heard_as"], ours["address"], ours["raw"]) == ("not_believed", ANA, "From: ana")
        [nobodys] = (await tienda.get("/hearings", unmatched="nobodys")).json()["items"]
        assert (nobodys["heard_as"], nobodys["ours"], nobodys["source"]) == ("unmatched", False, "dsn")
        assert "ana" not in str(nobodys)
        assert (await tienda.get("/hearings")).json()["items"] == []

    tell(story)


def test_an_address_is_put_on_the_list_found_by_its_owner_s_spelling_and_taken_off_with_a_reason():
    async def story(tienda):
        items = [{"address": ANA}, {"address": "no address"}, {"address": " BRUNO@example.com", "reason": "complaint"}]
        answer = await tienda.client.put(
            "/api/v1/suppressions", json={"items": items, "note": "asked at the counter"}, headers=tienda.secret
        )
        assert answer.json() == {"listed": 2, "refused": [1]}
        found = (await tienda.post("/suppressions/look-up", {"address": "bruno@EXAMPLE.com"})).json()
        assert (found["reason"], found["source"], found["note"]) == ("complaint", "api", "asked at the counter")
        assert "bruno" not in (await tienda.get("/suppressions")).text
        assert len((await tienda.get("/suppressions")).json()["items"]) == 2
        problem(await tienda.delete(f"/suppressions/{found['suppression']}"), 422, "request_malformed")
        lifted = await tienda.delete(f"/suppressions/{found['suppression']}?why=he+asked+us+to")
        assert lifted.status_code == 200
        problem(await tienda.post("/suppressions/look-up", {"address": "bruno@example.com"}), 404, "suppression_unknown")
        problem(await tienda.delete(f"/suppressions/{found['suppression']}?why=again"), 404, "suppression_unknown")
        problem(await tienda.delete("/suppressions/sup_nonsense?why=again"), 400, "id_malformed")

    tell(story)


def test_lifting_lets_whoever_bounced_be_written_to_again_and_the_ledger_says_why():
    async def story(tienda):
        mail = await a_cart_mail(tienda)
        await told(tienda, What.HARD_BOUNCE, mail)
        [entry] = (await tienda.get("/suppressions")).json()["items"]
        assert await _silences(tienda) == "suppressed"
        await tienda.delete(f"/suppressions/{entry['suppression']}?why=the+server+was+mended")
        assert await _silences(tienda) == ""
        answers = (await tienda.get("/customers/ana/consents")).text
        assert "lifted" in answers or "mended" in answers

    tell(story)


async def _silences(tienda) -> str:
    from oportuno.consent.reach import silenced
    from oportuno.profile.draft import Draft

    shown = (await tienda.get("/customers/ana")).json()
    key = key_of(tienda.workspace, read_customer(shown["customer"]))
    row = tienda.world.tables.customers[key]
    found = silenced(Draft(key, row.state, row.version), "email", ANA)
    return "suppressed" if found is not None else ""


def test_many_who_put_the_same_addresses_at_once_leave_one_list():
    async def story(tienda):
        items = [{"address": f"{number}@example.com"} for number in range(20)]
        bodies = [{"items": items}, {"items": items[::-1]}]
        answers = await asyncio.gather(
            *(tienda.client.put("/api/v1/suppressions", json=body, headers=tienda.secret) for body in bodies * 3)
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len((await tienda.get("/suppressions", limit=200)).json()["items"]) == 20

    tell(story)
