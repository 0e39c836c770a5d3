"""What failed in evaluation is visible, and is evaluated after all once the fault was mended."""

from __future__ import annotations

from typing import Any

import pytest
from api_house import problem, tell

from oportuno.flows import poison
from oportuno.flows.reads import Vitals

NOBODY = "aside_00000000000000000000"


def raises_for(monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """Let every step raise that hears of an event of this name; gives what takes it back."""
    real = poison.step

    def step(draft: Any, events: Any, **more: Any) -> Any:
        if any(event.name == name for event in events):
            raise ValueError("ana@example.com")
        return real(draft, events, **more)

    monkeypatch.setattr(poison, "step", step)
    return lambda: monkeypatch.setattr(poison, "step", real)


def test_an_event_that_was_set_aside_is_replayed_once_after_a_release_mended_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(tienda: Any) -> None:
        await tienda.send("track", userId="ana", event="Product Viewed", properties={"product_id": "p1"})
        await tienda.work()
        mend = raises_for(monkeypatch, "Poison")
        await tienda.send("track", userId="ana", event="Poison")
        await tienda.send("track", userId="ana", event="Product Viewed", properties={"product_id": "p2"})
        await tienda.work()
        [aside] = (await tienda.get("/set-aside")).json()["items"]
        assert (aside["fault"].split(" ")[0], aside["replayed"], "ana@" in str(aside)) == ("ValueError", False, False)
        assert folded(tienda) == 2
        mend()
        path = f"/set-aside/{aside['id']}/replay"
        assert [(await tienda.post(path)).json() for _ in range(2)] == [{"stored": 1}, {"stored": 0}]
        await tienda.work()
        assert folded(tienda) == 3
        assert [each["replayed"] for each in (await tienda.get("/set-aside")).json()["items"]] == [True]
        assert tienda.world.tables.messages == {}

    tell(story)


def test_what_fails_again_is_set_aside_again_and_can_be_replayed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(tienda: Any) -> None:
        mend = raises_for(monkeypatch, "Poison")
        await tienda.send("track", userId="ana", event="Poison")
        await tienda.work()
        [first] = (await tienda.get("/set-aside")).json()["items"]
        await tienda.post(f"/set-aside/{first['id']}/replay")
        await tienda.work()
        second, _ = (await tienda.get("/set-aside")).json()["items"]
        assert (second["id"] != first["id"], second["replayed"]) == (True, False)
        mend()
        assert (await tienda.post(f"/set-aside/{second['id']}/replay")).json() == {"stored": 1}
        await tienda.work()
        assert folded(tienda) == 1

    tell(story)


def folded(tienda: Any) -> int:
    from oportuno.profile.draft import Draft
    from oportuno.profile.sections import Core

    [(key, row)] = tienda.world.tables.customers.items()
    return Draft(key, row.state, row.version).read(Core).events


def test_an_event_that_nobody_set_aside_cannot_be_replayed() -> None:
    async def story(tienda: Any) -> None:
        problem(await tienda.post(f"/set-aside/{NOBODY}/replay"), 404, "set_aside_unknown")
        problem(await tienda.post("/set-aside/aside_1/replay"), 400, "id_malformed")

    tell(story)


def test_a_customer_whose_state_raises_is_named_until_they_have_gone_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(tienda: Any) -> None:
        await tienda.send("track", userId="ana", event="Product Viewed", properties={"product_id": "p1"})
        await tienda.work()
        [row] = tienda.world.tables.customers.values()
        whole, row.state = row.state, b"\x91\xc1"
        await tienda.send("track", userId="ana", event="Product Viewed", properties={"product_id": "p2"})
        await tienda.work()
        [named] = (await tienda.get("/set-aside/customers")).json()["items"]
        assert (named["mended"], named["times"], named["customer"][:4]) == (False, 1, "cus_")
        assert "oportuno_customers_poisoned 1.0" in (await tienda.client.get("/metrics")).text
        row.state = whole
        await tienda.send("track", userId="ana", event="Product Viewed", properties={"product_id": "p3"})
        await tienda.work()
        assert [each["mended"] for each in (await tienda.get("/set-aside/customers")).json()["items"]] == [True]
        assert "oportuno_customers_poisoned 0.0" in (await tienda.client.get("/metrics")).text

    tell(story)


def test_what_does_not_go_on_is_told_by_the_page_of_health(monkeypatch: pytest.MonkeyPatch) -> None:
    troubled = Vitals(now=1, engines=1, buckets_unowned=1, given_up={17: "consents"}, left=["ws_norte"], clock_doubted=True)

    async def vitals(_self: Any) -> Vitals:
        return troubled

    async def story(tienda: Any) -> None:
        monkeypatch.setattr(type(tienda.world.reads), "vitals", vitals)
        told = (await tienda.client.get("/readyz")).json()
        assert (told["status"], told["buckets_unowned"], told["given_up"]) == ("degraded", 1, {"17": "consents"})
        assert (told["left"], told["clock_doubted"]) == (["ws_norte"], True)
        metrics = (await tienda.client.get("/metrics")).text
        for line in ("buckets_unowned 1.0", "buckets_given_up 1.0", "workspaces_left 1.0", "clock_doubted 1.0"):
            assert f"oportuno_{line}" in metrics

    tell(story)
