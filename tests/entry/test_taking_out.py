"""What a workspace holds is written to files: as the API shows it, and never as a formula."""

from __future__ import annotations

import asyncio
import csv
import json

import pytest

from oportuno.adapters.memory.world import MemoryWorld
from oportuno.catalog.once import Once
from oportuno.consent.policy import Policy
from oportuno.entry.taking_out import COLUMNS, Wanted, write_out
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping
from oportuno.events.bring.read import calls_of
from oportuno.events.bring.rows import Line
from oportuno.flows.bring_in import BringIn
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import react_once
from oportuno.flows.record import Registry
from oportuno.flows.take_out import Holding
from oportuno.kit.faults import BadInput

NORTE = 1
PEOPLE = Mapping(kind=Kind.CUSTOMERS, columns={"user_id": "id", "email": "mail", "name": "name"})


def shop_of(*people: tuple[str, str, str]) -> MemoryWorld:
    """Tienda Norte with customers in it."""
    world = MemoryWorld()
    world.programmes.put(
        Programme(workspace=NORTE, public_id="ws_norte", version=1, policy=Policy(), brand=Brand(name="Tienda Norte"), journeys=())
    )

    async def fill() -> None:
        run = BringIn(
            NORTE,
            imports=world.imports,
            intake=world.intake,
            registry=Registry(store=world.store, reads=world.reads, programmes=world.programmes),
            clock=world.clock,
            digest_key=b"k" * 32,
            refuse=lambda *_told: None,
        )
        rows = [dict(zip(("id", "mail", "name"), each, strict=True)) for each in people]
        lines = [Line(number, row, number + 1) for number, row in enumerate(rows, 1)]
        await run.run(calls_of(lines, PEOPLE, Once()), PEOPLE, namespace="people", name="people")
        feed = world.feed()
        while (await react_once(feed, world.store, world.programmes, limit=500)).events:
            pass

    asyncio.run(asyncio.wait_for(fill(), 60))
    return world


class Parts:
    """The ports of the twin."""

    def __init__(self, world: MemoryWorld) -> None:
        self.holdings, self.reads, self.standings = world.holdings, world.reads, world.standings


def written(world: MemoryWorld, kind: str, file, **ways) -> list[tuple[int, int]]:
    heard = []
    wanted = Wanted(kind=Holding(kind), file=file, **ways)
    asyncio.run(asyncio.wait_for(write_out(wanted, NORTE, Parts(world), tell=lambda done, whole: heard.append((done, whole))), 60))
    return heard


def test_customers_are_written_and_no_name_of_theirs_is_a_formula(tmp_path):
    world = shop_of(("ana", "ana@example.com", "Ana"), ("=2+2", "bruno@example.com", "=HYPERLINK(A1)"))
    file = tmp_path / "customers.csv"
    heard = written(world, "customers", file)
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert tuple(rows[0]) == COLUMNS[Holding.CUSTOMERS]
    assert sorted(json.loads(row["traits"])["email"] for row in rows) == ["ana@example.com", "bruno@example.com"]
    assert {row["status"] for row in rows} == {"active"}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in {"=", "+", "-", "@"}]
    assert heard[-1][0] == heard[-1][1]
    assert [each.name for each in tmp_path.iterdir()] == ["customers.csv"]


def test_events_are_written_as_lines_of_json_with_whose_they_are(tmp_path):
    file = tmp_path / "events.jsonl"
    written(shop_of(("ana", "ana@example.com", "=1+1")), "events", file)
    [line] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert set(line) == set(COLUMNS[Holding.EVENTS])
    assert (line["call"], line["source"], line["body"]["traits"]["name"]) == ("identify", "import", "=1+1")
    assert line["customer"].startswith("cus_")


@pytest.mark.parametrize("kind", list(Holding))
def test_every_kind_is_written_even_where_there_is_nothing(tmp_path, kind):
    file = tmp_path / "nothing.csv"
    written(shop_of(), kind.value, file)
    assert file.read_text(encoding="utf-8").strip().split(",") == list(COLUMNS[kind])


def test_a_file_that_is_there_is_replaced_only_when_that_was_said(tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text("mine", encoding="utf-8")
    world = shop_of(("ana", "ana@example.com", "Ana"))
    with pytest.raises(BadInput) as told:
        written(world, "events", file)
    assert (told.value.code, file.read_text(encoding="utf-8")) == ("file_differs", "mine")
    written(world, "events", file, overwrite=True)
    assert json.loads(file.read_text(encoding="utf-8"))["call"] == "identify"


def test_where_nothing_can_be_written_is_said(tmp_path):
    with pytest.raises(BadInput) as told:
        written(shop_of(), "verdicts", tmp_path / "nowhere" / "verdicts.csv")
    assert told.value.code == "file_unwritable"
