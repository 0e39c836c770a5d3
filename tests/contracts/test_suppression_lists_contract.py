"""What every list of suppressions promises about whole lists: they come in once, tell of each row what became of it, can be taken back."""

from __future__ import annotations

import itertools

import pytest
from contract_world import Shop
from heard_world import ANA, OneProgramme, heard, known, list_of, sent, told

from oportuno.catalog.once import Once
from oportuno.channels.hearing import What
from oportuno.consent.suppression_lists import layout_of
from oportuno.events.bring.rows import Line
from oportuno.events.bring.values import Unfit
from oportuno.flows.suppression_lists import PIECE, ListImport, Tally, known_addresses, take_back, whole_list
from oportuno.flows.suppressions import Keeper
from oportuno.flows.work import LIST, LISTS, told_by
from oportuno.kit.faults import NotFound

BRUNO, CARLA = "bruno@correo.example", "carla@correo.example"


async def brought(shop: Shop, name: str, *rows: tuple[str, str], dry: bool = False, refuse=lambda *_told: None) -> Tally:
    """Bring a list of addresses and reasons in."""
    lines = (Line(n, dict(zip(("address", "reason"), row, strict=True)), n + 1) for n, row in enumerate(rows, 1))
    run = ListImport(shop.workspace, store=shop.store, suppressions=shop.outside.suppressions, channel="email", name=name, refuse=refuse)
    return await run.run(lines, layout_of(("address", "reason")), dry=dry, first=Once().add)


async def sources(shop: Shop) -> set[tuple[str, str]]:
    return {(each.source, each.reason) async for each in whole_list(shop.workspace, shop.outside.suppressions)}


def keeper(shop: Shop) -> Keeper:
    return Keeper(store=shop.store, reads=shop.outside.reads, programmes=OneProgramme(), suppressions=shop.outside.suppressions)


async def put(shop: Shop, address: str, reason: str) -> None:
    await keeper(shop).put(shop.workspace, "email", [(address, reason)], source="api", note="by hand")


def test_a_list_comes_in_once_however_often_it_is_brought(tell):
    async def story(shop: Shop):
        refused = []
        rows = [(ANA, "HardBounce"), ("nobody", "spam"), (f" {ANA.upper()}", "unsubscribed"), (BRUNO, "because"), (CARLA, "")]
        would = await brought(shop, "spring", *rows, dry=True)
        assert (would.rows, would.added, would.standing, would.refused) == (5, 2, 1, 2)
        assert await sources(shop) == set()
        done = await brought(shop, "spring", *rows, refuse=lambda line, *why: refused.append((line.at, *why[:2])))
        assert (done.added, done.graver, done.standing, done.reasons) == (2, 0, 1, {"hard_bounce": 1, "unsubscribed": 1, "manual": 1})
        assert refused == [(3, "address", "address_malformed"), (5, "reason", "reason_unknown")]
        assert await sources(shop) == {("list spring", "hard_bounce"), ("list spring", "manual")}
        again = await brought(shop, "spring", *rows)
        assert (again.added, again.graver, again.standing) == (0, 0, 3)
        graver = await brought(shop, "summer", (CARLA, "complaint"))
        assert (graver.added, graver.graver) == (0, 1)
        assert await sources(shop) == {("list spring", "hard_bounce"), ("lists", "complaint")}

    tell(story)


def test_more_than_one_commit_holds_comes_in_whole_and_a_name_twice_in_a_dry_run_counts_once(tell):
    async def story(shop: Shop):
        rows = [(f"c{number}@correo.example", "manual") for number in range(PIECE + 3)]
        would = await brought(shop, "many", *rows, rows[0], dry=True)
        assert (would.added, would.standing) == (PIECE + 3, 1)
        done = await brought(shop, "many", *rows, rows[0])
        assert (done.added, done.standing) == (PIECE + 3, 1)
        assert (await take_back(shop.workspace, "many", suppressions=shop.outside.suppressions)) == (PIECE + 3, 0)
        assert await sources(shop) == set()

    tell(story)


def test_taking_a_list_back_lifts_what_only_it_has_said(tell):
    async def story(shop: Shop):
        suppressions = shop.outside.suppressions
        await put(shop, ANA, "unsubscribed")
        await brought(shop, "old tool", (ANA, "complaint"), (BRUNO, "manual"), (CARLA, "manual"))
        await put(shop, CARLA, "manual")
        assert await take_back(shop.workspace, "old tool", suppressions=suppressions) == (1, 0)
        assert await sources(shop) == {("api", "complaint"), ("api", "manual")}
        assert await list_of(shop, BRUNO) is None
        with pytest.raises(NotFound, match="of this name"):
            await take_back(shop.workspace, "old tool", suppressions=suppressions)

    tell(story)


def test_what_was_heard_of_a_customer_stays_when_the_list_is_taken_back(tell):
    async def story(shop: Shop):
        ana, suppressions = await known(shop), shop.outside.suppressions
        mail = await sent(shop, ana)
        await brought(shop, "old tool", (ANA, "invalid"))
        await heard(shop, await told(shop, mail, What.HARD_BOUNCE))
        await take_back_if_any(shop, "old tool")
        assert await list_of(shop) is not None
        pairs = known_addresses(shop.workspace, "email", holdings=shop.outside.holdings, suppressions=suppressions)
        assert [(address, entry.reason) async for address, entry in pairs] == [(ANA, "invalid")]

    tell(story)


async def take_back_if_any(shop: Shop, name: str) -> None:
    try:
        await take_back(shop.workspace, name, suppressions=shop.outside.suppressions)
    except NotFound:
        return


def test_whoever_tells_after_whom_every_list_says_the_same_of_it(tell):
    """The adapters write down who told each in its own language: every pair of tellers and reasons, against the rule in words."""
    told_as = list(itertools.product(("api", "list a", "list b", "ses"), ("unsubscribed", "complaint")))
    pairs = {f"c{number}@correo.example": pair for number, pair in enumerate(itertools.product(told_as, told_as))}

    async def story(shop: Shop):
        suppressions = shop.outside.suppressions
        for turn in (0, 1):
            for source, reason in told_as:
                await tell_of(shop, source, reason, [address for address, pair in pairs.items() if pair[turn] == (source, reason)])
        marks = {address: suppressions.mark(shop.workspace, "email", address) for address in pairs}
        found = await suppressions.standing(shop.workspace, "email", list(marks.values()))
        for address, ((first, why), (second, then)) in pairs.items():
            graver = (why, then) == ("unsubscribed", "complaint")
            entry = found[marks[address]]
            assert (entry.source, entry.reason) == (told_by(first, second, graver=graver), then if graver else why), pairs[address]

    async def tell_of(shop: Shop, source: str, reason: str, addresses: list[str]) -> None:
        if source.startswith(LIST):
            await brought(shop, source.removeprefix(LIST), *((address, reason) for address in addresses))
        else:
            await keeper(shop).put(shop.workspace, "email", [(address, reason) for address in addresses], source=source)

    tell(story)


def test_several_lists_that_name_an_address_are_remembered_as_several():
    assert told_by("list a", "list b", graver=True) == LISTS
    assert told_by(LISTS, "list b", graver=True) == LISTS
    assert told_by(LISTS, "api", graver=False) == "api"


def test_a_row_that_cannot_be_cut_is_refused_and_its_neighbours_come_in(tell):
    async def story(shop: Shop):
        lines = [
            Line(1, {"address": ANA}, 2, Unfit("row_columns", "line 2 has 1 cell", place=""), ANA),
            Line(2, {"address": BRUNO, "reason": "x@y"}, 3),
        ]
        run = ListImport(
            shop.workspace,
            store=shop.store,
            suppressions=shop.outside.suppressions,
            channel="email",
            name="broken",
            refuse=lambda *_told: None,
        )
        done = await run.run(lines, layout_of(("address", "reason"), reason="manual"), dry=False)
        assert (done.added, done.codes) == (0, {"row_columns": 1, "reason_unknown": 1})

    tell(story)
