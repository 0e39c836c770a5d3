"""Products in a file go into the catalogue, by the mapping of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from oportuno.catalog.reading import read_row
from oportuno.catalog.row import ProductRow, RowFault
from oportuno.entry.bringing.asked import Asked
from oportuno.events.bring.read import prepared
from oportuno.events.bring.rows import Cells, Line, RowReader
from oportuno.events.bring.values import Unfit
from oportuno.flows.catalogue import FeedImport, Wanted, lasts_of

if TYPE_CHECKING:
    from oportuno.consent.policy import Policy
    from oportuno.events.bring.mapping import Mapping
    from oportuno.flows.ports_catalogue import Catalogue
    from oportuno.kit.ids import WorkspaceId


async def bring_products(
    asked: Asked,
    mapping: Mapping,
    lines: Iterable[Line],
    workspace: WorkspaceId,
    *,
    catalogue: Catalogue,
    policy: Policy,
    refuse: Callable[[Line, str, str, str], None],
) -> list[str]:
    """Bring products in; the same file again writes nothing. What is new is no news: nobody is told. Raises Unavailable."""
    run = FeedImport(
        workspace,
        catalogue,
        Wanted(launches=False, dry=asked.dry, lasts=lasts_of(policy)),
        refuse=lambda fault: refuse(Line(fault.line, getattr(fault, "cells", {})), fault.field, fault.code, fault.sentence),
    )
    done = await run.run(_rows(lines, mapping, policy.currency))
    verb = "would be written" if asked.dry else "written"
    said = [f"{done.rows} rows, {done.written} products {verb}, {done.unchanged} unchanged, {done.refused} rows refused"]
    return said + ([f"the refused rows, their lines and reasons: {asked.refused}"] if done.refused else [])


class _Refused(RowFault):
    """A refused row that still knows its cells."""

    cells: Cells = {}


def _rows(lines: Iterable[Line], mapping: Mapping, currency: str) -> Iterator[ProductRow | RowFault]:
    reader = RowReader(mapping)
    for line in prepared(lines, mapping):
        place = line.at or line.number
        if line.broken is not None:
            yield _refused(line, line.broken.code, line.broken.sentence, line.broken.place)
            continue
        try:
            row = read_row(reader.values(line.cells), currency=currency, strict=False, line=place)
        except RowFault as fault:
            yield _refused(line, fault.code, fault.sentence, fault.field)
        except Unfit as unfit:
            yield _refused(line, unfit.code, unfit.sentence, unfit.place)
        else:
            yield row


def _refused(line: Line, code: str, sentence: str, field: str) -> RowFault:
    refused = _Refused(code, sentence, field=field, line=line.at or line.number)
    refused.cells = line.cells
    return refused
