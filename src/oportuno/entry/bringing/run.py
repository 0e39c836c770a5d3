"""One import, from the file to what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from oportuno.adapters.files.opened import Opened, digest_of, open_file
from oportuno.adapters.files.written import CsvOut
from oportuno.adapters.system_clock import SystemClock
from oportuno.catalog.once import Once
from oportuno.entry.bringing.asked import Asked, chosen_mapping
from oportuno.entry.bringing.products import bring_products
from oportuno.entry.bringing.told import became, mapped, taken_as
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.read import calls_of, columns_needed
from oportuno.flows.bring_in import BringIn, Told
from oportuno.kit.ids import WorkspaceId

if TYPE_CHECKING:
    from oportuno.events.bring.mapping import Mapping
    from oportuno.events.bring.rows import Brought, Line
    from oportuno.flows.ports import Intake, Programmes
    from oportuno.flows.ports_catalogue import Catalogue
    from oportuno.flows.ports_imports import Imports
    from oportuno.flows.record import Registry


class Parts(Protocol):
    """What an import needs of the world."""

    @property
    def programmes(self) -> Programmes:
        """The workspace's policy."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Where products go."""
        ...

    @property
    def imports(self) -> Imports:
        """Where events go, and progress."""
        ...

    @property
    def intake(self) -> Intake:
        """Who is whom."""
        ...

    @property
    def registry(self) -> Registry:
        """Where answers about consent go."""
        ...

    @property
    def digest_key(self) -> bytes:
        """Under which message ids are remembered."""
        ...


async def bring(asked: Asked, workspace: WorkspaceId, parts: Parts, *, tell: Callable[[int, int], None]) -> list[str]:
    """Bring a file in, or rehearse it; gives what to say. `tell` hears how much of how much was read. Raises the family of Fault."""
    opened = open_file(asked.file, form=asked.form, separator=asked.separator, encoding=asked.encoding)
    remembered = await parts.imports.mappings(workspace) if asked.mapping else {}
    policy = (await parts.programmes.programme(workspace)).policy
    mapping = chosen_mapping(asked, opened, remembered, zone=policy.timezone)
    if asked.remember:
        await parts.imports.keep_mapping(workspace, asked.remember, msgspec.json.encode(mapping, order="deterministic"))
    said = taken_as(opened, mapping)
    if asked.dry:
        said += mapped(opened, mapping)
    with Refusals(asked, opened) as refusals:
        lines = opened.lines(columns_needed(mapping), lambda done: tell(done, opened.whole))
        if asked.kind is Kind.PRODUCTS:
            return said + await bring_products(
                asked, mapping, lines, workspace, catalogue=parts.catalogue, policy=policy, refuse=refusals.put
            )
        told = await _bring_calls(asked, mapping, lines, workspace, parts=parts, refusals=refusals)
    return said + became(told, asked)


async def _bring_calls(
    asked: Asked, mapping: Mapping, lines: Iterable[Line], workspace: WorkspaceId, *, parts: Parts, refusals: Refusals
) -> Told:
    run = BringIn(
        workspace,
        imports=parts.imports,
        intake=parts.intake,
        registry=parts.registry,
        clock=SystemClock(),
        digest_key=parts.digest_key,
        refuse=refusals.put,
    )
    brought: Iterator[Brought] = calls_of(lines, mapping, Once())
    if asked.dry:
        return run.rehearse(brought)
    return await run.run(brought, mapping, namespace=asked.name or digest_of(asked.file), name=asked.name or asked.file.name)


class Refusals:
    """The file of refused rows: the columns of the file itself, and where and why."""

    def __init__(self, asked: Asked, opened: Opened) -> None:
        self._headings = opened.headings
        heads = ("line", "field", "code", "reason", *(opened.headings or ("row",)))
        self._out = CsvOut(asked.refused, heads)

    def put(self, line: Line, field: str, code: str, sentence: str) -> None:
        """Write a refused row. Raises BadInput."""
        cells = [line.cells.get(heading) for heading in self._headings] if self._headings is not None else [dict(line.cells)]
        self._out.put((line.at or line.number, field, code, sentence, *cells))

    def __enter__(self) -> Self:
        self._out.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        self._out.__exit__(*ended)
