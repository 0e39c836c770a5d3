"""What every adapter of imports promises: progress moves with the events or not at all."""

from __future__ import annotations

from contract_world import arrival

from oportuno.events.event import Source
from oportuno.flows.ports_imports import ImportRecord, ImportTally, Step
from oportuno.kit.ids import derive


def record(word: str, mapping: bytes = b"{}") -> ImportRecord:
    return ImportRecord(id=derive(word), name=f"{word}.csv", kind="orders", mapping=mapping)


def step(word: str, since: int, position: int, *, finished: bool = False, **tally: int) -> Step:
    return Step(id=derive(word), since=since, position=position, tally=ImportTally(**tally), finished=finished)


def test_an_import_begins_once_and_is_found_again(tell):
    async def story(shop):
        first, now = await shop.outside.imports.begin(shop.workspace, record("spring", b"one"))
        again, later = await shop.outside.imports.begin(shop.workspace, record("spring", b"two"))
        assert (first.position, first.finished_at, first.mapping, first.begun_at) == (0, None, b"one", again.begun_at)
        assert again.mapping == b"one"
        assert now <= later

    tell(story)


def test_progress_and_events_are_written_together(tell):
    async def story(shop):
        imports, ana = shop.outside.imports, await shop.customer("ana")
        _, now = await imports.begin(shop.workspace, record("spring"))
        bought = [arrival(ana, word, now=now, source=Source.IMPORT) for word in ("lamp", "rug")]
        assert await imports.bring(shop.workspace, bought, step("spring", 0, 7, rows=7, refused=1)) == 2
        found, _ = await imports.begin(shop.workspace, record("spring"))
        assert (found.position, found.tally) == (7, ImportTally(rows=7, refused=1, events=2))
        events, _ = await shop.unread(await shop.outside.feed(), at_least=2)
        assert {event.name for event in events} == {"lamp", "rug"}
        assert all(not event.speaks for event in events)

    tell(story)


def test_who_stands_elsewhere_writes_nothing(tell):
    """Two bring in the same file: the one that comes second finds the position moved, and none of its events is there."""

    async def story(shop):
        imports, ana = shop.outside.imports, await shop.customer("ana")
        _, now = await imports.begin(shop.workspace, record("spring"))
        one = [arrival(ana, "lamp", now=now, source=Source.IMPORT)]
        other = [arrival(ana, "vase", now=now, source=Source.IMPORT)]
        assert await imports.bring(shop.workspace, one, step("spring", 0, 5)) == 1
        assert await imports.bring(shop.workspace, other, step("spring", 0, 6)) is None
        assert await imports.bring(shop.workspace, one, step("spring", 5, 6)) == 0
        events, _ = await shop.unread(await shop.outside.feed(), at_least=1)
        assert [event.name for event in events] == ["lamp"]
        found, _ = await imports.begin(shop.workspace, record("spring"))
        assert (found.position, found.tally.known) == (6, 1)

    tell(story)


def test_a_finished_import_takes_nothing_more(tell):
    async def story(shop):
        imports, ana = shop.outside.imports, await shop.customer("ana")
        _, now = await imports.begin(shop.workspace, record("spring"))
        assert await imports.bring(shop.workspace, [], step("spring", 0, 3, finished=True)) == 0
        late = [arrival(ana, "lamp", now=now, source=Source.IMPORT)]
        assert await imports.bring(shop.workspace, late, step("spring", 3, 4)) is None
        found, _ = await imports.begin(shop.workspace, record("spring"))
        assert found.finished_at is not None

    tell(story)


def test_imports_are_listed_and_mappings_remembered_by_workspace(tell):
    async def story(shop):
        imports = shop.outside.imports
        await imports.begin(shop.workspace, record("spring"))
        await imports.begin(shop.workspace, record("autumn"))
        await imports.begin(shop.workspace + 100, record("strangers"))
        assert {each.name for each in await imports.every(shop.workspace, limit=10)} == {"spring.csv", "autumn.csv"}
        assert len(await imports.every(shop.workspace, limit=1)) == 1
        await imports.keep_mapping(shop.workspace, "till", b"one")
        await imports.keep_mapping(shop.workspace, "till", b"two")
        await imports.keep_mapping(shop.workspace + 100, "till", b"theirs")
        assert await imports.mappings(shop.workspace) == {"till": b"two"}

    tell(story)
