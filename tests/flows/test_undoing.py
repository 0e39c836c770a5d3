"""A merge that was a mistake: both are as they would be had they never been one, and nobody's no is forgotten."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_world import EVERYWHERE, WORKSPACE, Norte
from test_merging import tell

from oportuno.consent.answers import Answered, Consents, slot
from oportuno.flows.joining import REPLAYED
from oportuno.flows.merge import merge_once
from oportuno.flows.undo import undo
from oportuno.flows.work import Status
from oportuno.kit.faults import Conflict
from oportuno.kit.ids import CustomerKey
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core

ANA = {"userId": "ana"}
TABLET = {"anonymousId": "tablet"}
_PRODUCTS = ("boots", "tent", "lamp", "map")


async def undo_it(norte: Norte, merge_id: bytes):
    world = norte.world
    return await undo(WORKSPACE, merge_id, crossings=world.crossings, store=world.store, programmes=world.programmes, facts=norte.facts)


def test_both_are_as_they_were_and_each_keeps_what_they_did_since() -> None:
    async def story(norte: Norte) -> None:
        await norte.looks("boots", **ANA)
        await norte.looks("tent", **TABLET)
        await norte.work()
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        merge = await norte.ask(tablet, ana)
        await norte.work()
        await norte.looks("lamp", **ANA)
        await norte.looks("map", **TABLET)
        await norte.looks("map", **TABLET)
        await norte.work()
        await undo_it(norte, merge.id)
        assert norte.draft(ana).read(Core).events == 2
        assert norte.draft(tablet).read(Core).events == 3
        assert norte.world.tables.customers[tablet].status is Status.ACTIVE
        assert await norte.who(anonymous="tablet") == tablet
        await norte.looks("map", **TABLET)
        await norte.work()
        assert norte.draft(tablet).read(Core).events == 4

    tell(story)


def test_an_event_stored_under_the_winner_by_a_writer_who_had_not_heard_reaches_who_it_names() -> None:
    async def story(norte: Norte) -> None:
        await norte.looks("boots", **ANA)
        await norte.looks("tent", **TABLET)
        await norte.work()
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        merge = await norte.ask(tablet, ana)
        await norte.work()
        await norte.looks("lamp", **TABLET)
        # Stored under Ana, not yet evaluated, when the two are parted.
        await undo_it(norte, merge.id)
        await norte.work()
        assert norte.draft(ana).read(Core).events == 1
        assert norte.draft(tablet).read(Core).events == 2

    tell(story)


@pytest.mark.parametrize("again", ["undone", "unfinished"])
def test_what_cannot_be_undone_is_refused_by_name(again: str) -> None:
    async def story(norte: Norte) -> None:
        await norte.looks("boots", **ANA)
        await norte.looks("tent", **TABLET)
        await norte.work()
        merge = await norte.ask(await norte.who(anonymous="tablet"), await norte.who("ana"))
        if again == "undone":
            await norte.work()
            await undo_it(norte, merge.id)
        with pytest.raises(Conflict) as refused:
            await undo_it(norte, merge.id)
        assert refused.value.code == f"merge_{again}"

    tell(story)


def test_the_last_merge_goes_first() -> None:
    async def story(norte: Norte) -> None:
        for who in (ANA, TABLET, {"userId": "bruno"}):
            await norte.looks("boots", **who)
        await norte.work()
        ana, tablet, bruno = await norte.who("ana"), await norte.who(anonymous="tablet"), await norte.who("bruno")
        first = await norte.ask(tablet, ana)
        await norte.work()
        norte.world.clock.advance(1_000)
        second = await norte.ask(ana, bruno)
        await norte.work()
        with pytest.raises(Conflict) as refused:
            await undo_it(norte, first.id)
        assert refused.value.code == "merge_not_latest"
        await norte.looks("map", **TABLET)
        await norte.work()
        await undo_it(norte, second.id)
        assert norte.draft(bruno).read(Core).events == 1
        assert norte.draft(ana).read(Core).events == 3
        await undo_it(norte, first.id)
        assert norte.draft(ana).read(Core).events == 1
        assert norte.draft(tablet).read(Core).events == 2

    tell(story)


def test_a_merge_is_undone_for_seven_days() -> None:
    async def story(norte: Norte) -> None:
        await norte.looks("boots", **ANA)
        await norte.looks("tent", **TABLET)
        await norte.work()
        merge = await norte.ask(await norte.who(anonymous="tablet"), await norte.who("ana"))
        await norte.work()
        norte.world.clock.advance(8 * 24 * 3_600_000)
        with pytest.raises(Conflict) as refused:
            await undo_it(norte, merge.id)
        assert refused.value.code == "undo_too_late"

    tell(story)


# ── merge, k events, undo = the two histories ───────────────────────────────────────────────────────────────────────

_DOINGS = ("Product Viewed", "Product Added", "Product Removed", "Product Added to Wishlist", "Order Completed", "identify", "yes", "no")
_Deed = tuple[str, str, str, int]
_DEEDS = st.lists(
    st.tuples(
        st.sampled_from(("ana", "tablet")),
        st.sampled_from(
            ("Product Viewed", "Product Added", "Product Removed", "Order Completed", "identify", "yes", "no", "Product Added to Wishlist")
        ),
        st.sampled_from(_PRODUCTS),
        st.integers(0, 90_000),
    ),
    max_size=8,
)


async def do(norte: Norte, deed: tuple[str, str, str, int], only: str = "") -> None:
    who, what, product, pause = deed
    norte.world.clock.advance(pause)
    if only and who != only:
        next(norte.number)
        return
    ids = {"userId": "ana", "anonymousId": "ana-phone"} if who == "ana" else TABLET
    if what == "identify":
        await norte.send("identify", traits={"first_name": product, "favourite": product}, **ids)
    elif what in ("yes", "no"):
        asked = {"consent": {"categoryPreferences": {"personalisation": what == "yes"}, "notice": "n1"}}
        await norte.send("page", name="Home", context=asked, **ids)
    else:
        details = {"product_id": product, "name": product.title(), "price": 20, "currency": "EUR", "quantity": 1}
        if what == "Order Completed":
            details = {"order_id": f"o-{product}-{who}", "total": 20, "currency": "EUR", "products": [details]}
        await norte.send("track", event=what, properties=details, **ids)
    await norte.work()


async def live(
    before: list[tuple[str, str, str, int]], since: list[tuple[str, str, str, int]], only: str
) -> tuple[Norte, CustomerKey | None]:
    """Tell the history of one of the two alone."""
    norte = Norte()
    await start(norte, only)
    for deed in before:
        await do(norte, deed, only)
    norte.world.clock.advance(1_000)
    for deed in since:
        await do(norte, deed, only)
    return norte, await (norte.who("ana") if only == "ana" else norte.who(anonymous="tablet"))


async def start(norte: Norte, only: str = "") -> None:
    yes = {"consent": {"categoryPreferences": {"personalisation": True}, "notice": "n1"}}
    await norte.sell(*_PRODUCTS)
    for who, ids in (("ana", {"anonymousId": "ana-phone"}), ("tablet", TABLET)):
        if only and only != who:
            next(norte.number)
        else:
            await norte.send("page", name="Home", context=yes, **ids)
    if not only or only == "ana":
        await norte.send("identify", traits={"email": "ana@example.com"}, userId="ana", anonymousId="ana-phone")
    else:
        next(norte.number)
    await norte.work()


def profile(draft: Draft) -> dict[str, bytes]:
    stored = {title: blob for title, (_, _, blob) in draft._sections.items()}
    return {section.title: stored[section.title] for section in REPLAYED if section.title in stored and stored[section.title] != b"\x80"}


def yeses(draft: Draft) -> set[str]:
    return {place for place, answer in draft.read(Consents).answers.items() if answer.state is Answered.GRANTED}


@settings(max_examples=60, deadline=None)
@given(before=_DEEDS, since=_DEEDS)
def test_merge_some_events_and_undo_are_the_two_histories(before, since) -> None:
    async def whole() -> None:
        norte = Norte()
        await start(norte)
        for deed in before:
            await do(norte, deed)
        norte.world.clock.advance(1_000)
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        merge = await norte.ask(tablet, ana)
        await norte.work()
        for deed in since:
            await do(norte, deed)
        await undo_it(norte, merge.id)
        for key, only in ((ana, "ana"), (tablet, "tablet")):
            alone, alone_key = await live(before, since, only)
            expected, found = alone.draft(alone_key), norte.draft(key)
            assert yeses(found) <= yeses(expected)
            if all(deed[1] != "no" for deed in [*before, *since]):
                assert yeses(found) == yeses(expected)
                assert profile(found) == profile(expected)

    asyncio.run(asyncio.wait_for(whole(), 300))


def test_a_no_that_was_said_since_holds_for_both() -> None:
    async def story(norte: Norte) -> None:
        await start(norte)
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        merge = await norte.ask(tablet, ana)
        await norte.work()
        assert slot(Purpose.PERSONALISATION) in yeses(norte.draft(ana))
        no = {"consent": {"categoryPreferences": {"personalisation": False}, "notice": "n1"}}
        norte.world.clock.advance(1_000)
        await norte.send("page", name="Home", context=no, **TABLET)
        await norte.work()
        await undo_it(norte, merge.id)
        assert not yeses(norte.draft(ana))
        assert not yeses(norte.draft(tablet))

    tell(story)


def test_interest_that_came_from_the_catalogue_alone_is_kept_by_undoing_and_by_what_is_sent_on() -> None:
    async def story(norte: Norte) -> None:
        await start(norte)
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        merge = await norte.ask(tablet, ana)
        # Stored under the old number and not yet evaluated when they became one, so it is sent on to Ana.
        await norte.looks("boots", **TABLET)
        for _ in range(4):
            await merge_once(norte.world.crossings, norte.world.store, norte.world.programmes, EVERYWHERE, norte.facts, limit=9)
        await norte.work()
        assert b"brand of boots" in profile(norte.draft(ana))["views"]
        await undo_it(norte, merge.id)
        assert b"brand of boots" in profile(norte.draft(tablet))["views"]
        assert b"brand of boots" not in profile(norte.draft(ana)).get("views", b"")

    tell(story)
