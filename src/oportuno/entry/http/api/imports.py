"""Files brought in over HTTP: the body is the file. Broken off, the same request again goes on where the last one stopped."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import Field

from oportuno.adapters.files.form import FileForm
from oportuno.entry.http.api.door import Caller, FrontHere, Limit
from oportuno.entry.http.api.shapes import Shape, moment
from oportuno.events.bring.fields import Kind
from oportuno.flows.ports import KeyFacts
from oportuno.flows.ports_imports import ImportTally
from oportuno.kit.faults import BadInput, TooLarge
from oportuno.kit.times import to_text
from oportuno.wiring import Front

if TYPE_CHECKING:
    from oportuno.entry.bringing.asked import Asked

router = APIRouter(prefix="/api/v1/imports", tags=["imports"])

LARGEST: Final = 200 * 1024 * 1024
"""Bytes of a file over HTTP; larger ones by the command line."""
_PIECE: Final = 200
"""Calls of one transaction: between two of them others are answered."""
_REHEARSED: Final = 20_000
_NAMED: Final = 1_000

_PAIRS: Final = 200

_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
_BODY: Final = {"requestBody": {"required": True, "content": {"application/octet-stream": _FILE}}}

Kinds = Literal["customers", "events", "orders", "calls", "visits", "complaints", "returns", "refunds", "till"]
Word = Annotated[str, Field(max_length=200)]


class ToldWays(Shape):
    """How the body is to be taken."""

    form: Literal["csv", "jsonl", "parquet"] = Field(default="csv", alias="format", description="How the body is written.")
    preset: Word = Field(default="", description="A layout that is known.")
    mapping: Word = Field(default="", description="A mapping that was remembered under this name.")
    column: list[Word] = Field(default=[], max_length=_PAIRS, description="FIELD=COLUMN, repeated.")
    fixed: list[Word] = Field(default=[], max_length=_PAIRS, description="FIELD=VALUE, repeated.")
    remember: Word = Field(default="", description="Remember the mapping under this name.")
    separator: str = Field(default="", max_length=1, description="The sign between columns; none: seen in the first line.")
    encoding: Word = Field(default="", description="Such as cp1252; none: seen at the beginning.")
    decimal: Literal["", ".", ","] = Field(default="", description="The sign before decimals.")
    dates: Literal["", "ymd", "dmy", "mdy"] = Field(default="", description="The order of dates such as 31/12/2025.")
    timezone: Word = Field(default="", description="Of moments that tell none; none: the workspace's.")
    name: Word = Field(default="", description="The same name goes on behind the last row of before; none: the file's digest.")
    dry_run: bool = Field(default=False, description="Say what would become of the first 20,000 rows, and write nothing.")


class RefusedShape(Shape):
    """A row that was refused, and why."""

    line: int = Field(description="The line of the file; of Parquet the row.")
    field: str
    code: str
    sentence: str


class BroughtShape(Shape):
    """What became of a file."""

    taken_as: list[str] = Field(description="How the file was read, and what one should know of it.")
    columns: dict[str, str] = Field(description="Field → the column that tells it.")
    dry_run: bool
    already: bool = Field(description="It was brought in completely before; nothing was done.")
    resumed_at: int = Field(description="Rows that an earlier request had done.")
    rows: int
    events: int = Field(description="New events; of a dry run, those that there would be.")
    known: int = Field(description="Calls that had been brought in before.")
    left_out: int
    answers: int = Field(description="Answers about consent that were recorded.")
    unproven: int = Field(description="Yeses without all of their proof, which count for nothing.")
    refused: int
    reasons: dict[str, int] = Field(description="Refused rows by code.")
    refused_rows: list[RefusedShape] = Field(description="The first 1,000 of them.")
    first: list[dict[str, Any]] = Field(description="Of a dry run: the first calls as they would be stored.")


class ImportShape(Shape):
    """How far an import is."""

    name: str
    kind: str
    state: Literal["done", "open"]
    position: int = Field(description="Rows that are done with.")
    events: int
    refused: int
    begun_at: str
    moved_at: str
    finished_at: str | None


class ImportList(Shape):
    """The latest imports and the mappings that are remembered."""

    items: list[ImportShape]
    mappings: dict[str, dict[str, Any]]


@router.get("")
async def imports(front: FrontHere, who: Caller, limit: Limit = 50) -> ImportList:
    """Give the latest imports, the one that moved last first: how far each is."""
    found = await front.imports.every(who.workspace, limit=limit)
    return ImportList(
        items=[
            ImportShape(
                name=each.name,
                kind=each.kind,
                state="open" if each.finished_at is None else "done",
                position=each.position,
                events=each.tally.events,
                refused=each.tally.refused,
                begun_at=to_text(each.begun_at),
                moved_at=to_text(each.moved_at),
                finished_at=moment(each.finished_at),
            )
            for each in found
        ],
        mappings={name: msgspec.json.decode(raw) for name, raw in (await front.imports.mappings(who.workspace)).items()},
    )


@router.post("/{kind}", openapi_extra=_BODY)
async def bring_in(front: FrontHere, who: Caller, request: Request, kind: Kinds, told: Annotated[ToldWays, Query()]) -> BroughtShape:
    """Bring a file in; the body is the file, up to 200 MB. Everything in it is old news: nobody hears of it."""
    from oportuno.entry.bringing.asked import Asked

    async with spooled(request) as path:
        ways = told.model_dump(exclude={"form", "column", "timezone", "dry_run", "fixed"})
        asked = Asked(
            kind=Kind(kind),
            file=path,
            form=FileForm(told.form),
            columns=tuple(told.column),
            fixed=tuple(told.fixed),
            zone=told.timezone,
            dry=told.dry_run,
            refused=path,
            **ways,
        )
        return await _bring(front, who, asked)


async def _bring(front: Front, who: KeyFacts, asked: Asked) -> BroughtShape:
    from oportuno.adapters.files.opened import digest_of, open_file
    from oportuno.adapters.system_clock import SystemClock
    from oportuno.catalog.once import Once
    from oportuno.entry.bringing.asked import chosen_mapping
    from oportuno.entry.bringing.told import taken_as
    from oportuno.events.bring.read import calls_of, columns_needed
    from oportuno.flows.bring_in import BringIn
    from oportuno.flows.record import Registry

    opened = await asyncio.to_thread(open_file, asked.file, form=asked.form, separator=asked.separator, encoding=asked.encoding)
    remembered = await front.imports.mappings(who.workspace) if asked.mapping else {}
    policy = (await front.programmes.programme(who.workspace)).policy
    mapping = chosen_mapping(asked, opened, remembered, zone=policy.timezone)
    if asked.remember:
        await front.imports.keep_mapping(who.workspace, asked.remember, msgspec.json.encode(mapping, order="deterministic"))
    refused: list[RefusedShape] = []

    def refuse(line: Any, field: str, code: str, sentence: str) -> None:
        if len(refused) < _NAMED:
            refused.append(RefusedShape(line=line.at or line.number, field=field, code=code, sentence=sentence))

    run = BringIn(
        who.workspace,
        imports=front.imports,
        intake=front.intake,
        registry=Registry(store=front.store, reads=front.reads, programmes=front.programmes),
        clock=SystemClock(),
        digest_key=front.digest_key,
        refuse=refuse,
        piece=_PIECE,
    )
    lines = opened.lines(columns_needed(mapping))
    if asked.dry:
        told = await asyncio.to_thread(run.rehearse, calls_of(islice(lines, _REHEARSED), mapping, Once()))
    else:
        digest = asked.name or await asyncio.to_thread(digest_of, asked.file)
        told = await run.run(calls_of(lines, mapping, Once()), mapping, namespace=digest, name=asked.name or digest)
    return BroughtShape(
        taken_as=[line.replace(asked.file.name, "body") for line in taken_as(opened, mapping)],
        columns=mapping.columns,
        dry_run=asked.dry,
        already=told.already,
        resumed_at=told.resumed_at,
        refused_rows=refused,
        first=[msgspec.json.decode(body) for body in told.shown],
        **_counts(told.tally),
    )


def _counts(tally: ImportTally) -> dict[str, Any]:
    return msgspec.structs.asdict(tally)


@asynccontextmanager
async def spooled(request: Request) -> AsyncIterator[Path]:
    """Lay the body down as a file, for as long as it is worked on. Raises TooLarge, BadInput."""
    with tempfile.TemporaryDirectory(prefix="oportuno-import-") as folder:
        path, size = Path(folder) / "body", 0
        with path.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST:
                    raise TooLarge("file_too_large", f"a file has at most {LARGEST // 2**20} MB over HTTP: use “oportuno import”")
                file.write(chunk)
        if not size:
            raise BadInput("file_empty", "there is nothing in the file", place="body")
        yield path
