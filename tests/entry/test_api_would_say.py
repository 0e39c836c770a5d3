"""What would be said now, and why, or which silence: asked over the API, and nothing is changed by it."""

from __future__ import annotations

from copy import deepcopy

from api_house import problem, tell

from oportuno.kit.times import MINUTE


async def would(tienda, **body):
    answer = await tienda.post("/decide", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(tienda):
    tables = tienda.world.tables
    return deepcopy((tables.customers, tables.messages, tables.decisions, tables.ledger))


def test_ana_would_hear_of_her_cart_and_nobody_wrote_it_down():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        before = stored(tienda)
        found = await would(tienda, customer="ana", journey="abandoned-cart")
        assert (found["decided"], found["verdicts"][0]["items"]) == ("speak", ["p1"])
        assert "cesta" in found["sentence"]["es"]
        assert stored(tienda) == before
        assert (await would(tienda, customer="ana"))["decided"] == "nothing"
        await tienda.pass_time(31 * MINUTE)
        assert len(tienda.world.tables.messages) == 1

    tell(story)


def test_what_is_due_is_decided_as_the_engine_would():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        tienda.world.clock.advance(31 * MINUTE)
        asked = await would(tienda, customer="ana")
        assert (asked["decided"], asked["verdicts"][0]["journey"]) == ("speak", "abandoned-cart")
        await tienda.work()
        [said] = (await tienda.get("/customers/ana/verdicts")).json()["items"]
        assert {**said, "at": ""} == {**asked["verdicts"][0], "at": ""}

    tell(story)


def test_carla_would_hear_nothing_and_it_says_why_in_both_languages():
    async def story(tienda):
        await tienda.leave_a_cart("carla")
        found = await would(tienda, customer="carla", journey="abandoned-cart")
        [verdict] = found["verdicts"]
        assert (found["decided"], verdict["reasons"][0]["refusal"], found["sentence"]) == ("silence", "no_consent", {})
        assert verdict["reasons"][0]["marketer"].keys() == {"es", "en"}

    tell(story)


def test_only_what_is_about_the_items_is_looked_at():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        await tienda.say_yes("ana")
        assert (await would(tienda, customer="ana", items=["p1"]))["decided"] == "speak"
        other = await would(tienda, customer="ana", items=["p2"])
        assert (other["decided"], other["nothing_left"]) == ("nothing", ["abandoned-cart"])

    tell(story)


def test_who_and_what_nobody_knows_is_named():
    async def story(tienda):
        await tienda.leave_a_cart("ana")
        problem(await tienda.post("/decide", {"customer": "nobody"}), 404, "customer_unknown")
        problem(await tienda.post("/decide", {"customer": "ana", "journey": "none"}), 404, "journey_unknown")
        await tienda.send("identify", userId="bruno")
        problem(await tienda.post("/decide", {"customer": "bruno"}), 503, "customer_not_ready")
        await tienda.delete("/customers/ana")
        problem(await tienda.post("/decide", {"customer": "ana"}), 404, "customer_unknown")

    tell(story)
