"""A file is brought in: the calls of its rows are stored piece by piece, each with the import's progress. Nothing of it speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from oportuno.consent.brought import BroughtAnswer, answers_to_take
from oportuno.events.bring.mapping import Mapping
from oportuno.events.bring.rows import Brought, LeftOut, Line, Made, Turned
from oportuno.events.event import Source, Trust
from oportuno.events.remembering import OLD_SHELF, OLDEST_DAYS
from oportuno.flows.crossing import Asked
from oportuno.flows.limits import Intakes
from oportuno.flows.ports import Arrival, Clock, Intake, Sighting
from oportuno.flows.ports_imports import ImportRecord, Imports, ImportTally, Step
from oportuno.flows.record import Given, Registry
from oportuno.kit.faults import Busy, Conflict
from oportuno.kit.ids import CustomerKey, WorkspaceId, derive, key_of
from oportuno.kit.times import DAY, Millis, day_of

PIECE: Final = 2_000
"""Calls of one transaction."""
PIECE_BYTES: Final = 4_000_000
PIECE_ROWS: Final = 50_000
_WAITING: Final = 1_000_000
"""Events of the workspace that may wait before a file is held back: half of what closes the door to everybody's live events."""
_PATIENCE: Final = 900.0
_SHOWN: Final = 5
_ASKED: Final = Asked("import", Trust.SECRET)


class Told(msgspec.Struct, kw_only=True):
    """What became of a file."""

    tally: ImportTally
    shown: list[bytes] = []
    """Of a dry run: the first calls as they would be stored."""
    resumed_at: int = 0
    """Rows that an earlier run had done; 0: it began anew."""
    already: bool = False
    """The file had been brought in completely before."""


def import_id(mapping: Mapping, namespace: str) -> bytes:
    """Name an import: by the kind of the file and its digest, or the name that somebody gave it."""
    return derive("import", mapping.kind.value, namespace)


class BringIn:
    """One import of one file."""

    def __init__(
        self,
        workspace: WorkspaceId,
        *,
        imports: Imports,
        intake: Intake,
        registry: Registry,
        clock: Clock,
        digest_key: bytes,
        refuse: Callable[[Line, str, str, str], None],
        tell: Callable[[ImportTally], None] = lambda _tally: None,
        piece: int = 0,
    ) -> None:
        """`refuse` hears of each refused row, `tell` how far it is; `piece`: calls of one transaction, 0 as many as is quickest."""
        self._workspace = workspace
        self._imports = imports
        self._intake = intake
        self._registry = registry
        self._clock = clock
        self._digest_key = digest_key
        self._refuse = refuse
        self._tell = tell
        self._piece = piece or PIECE
        self._namespace = ""
        self._name = ""
        self._now: Millis = 0
        self._tally = ImportTally()

    def rehearse(self, brought: Iterable[Brought]) -> Told:
        """Say what would become of a file; nothing is written."""
        shown: list[bytes] = []
        for each in brought:
            self._count(each, each.last)
            if isinstance(each, Made):
                self._tally.events += 1
                if len(shown) < _SHOWN:
                    shown.append(each.body)
                taken, lacking = answers_to_take(each.answers, each.proof, file=self._name, row=each.first)
                self._tally.answers += len(taken)
                self._tally.unproven += len(lacking)
            if self._tally.rows % 1_000 == 0:
                self._tell(self._tally)
        return Told(tally=self._tally, shown=shown)

    async def run(self, brought: Iterable[Brought], mapping: Mapping, *, namespace: str, name: str) -> Told:
        """Bring a file in, from where an earlier run of it stopped.

        `namespace`: the file's digest, or a name given to it; the same one is the same file. Raises Conflict (``import_other_mapping``,
        ``import_twice``), Busy (``disk_full``, ``backlog_full``), Unavailable: what was committed before stands, and the same again goes on
        behind it.
        """
        encoded = msgspec.json.encode(mapping, order="deterministic")
        asked = ImportRecord(id=import_id(mapping, namespace), name=name, kind=mapping.kind.value, mapping=encoded)
        record, self._now = await self._imports.begin(self._workspace, asked)
        if record.finished_at is not None:
            return Told(tally=record.tally, already=True)
        if record.position and record.mapping != encoded:
            raise Conflict(
                "import_other_mapping", "this file was begun with another mapping: give the import another name to bring it in anew"
            )
        self._namespace, self._name = namespace, name
        self._tally = msgspec.structs.replace(record.tally)
        position = record.position
        piece: list[Made] = []
        size, last = 0, position
        for each in brought:
            if each.last <= record.position:
                # Done by an earlier run. What was refused then is named again, so that the file of refused rows is whole.
                if isinstance(each, Turned):
                    self._refuse(each.line, each.field, each.code, each.sentence)
                continue
            # Rows that end together stay together: a piece ends only where another begins.
            if each.last != last and (len(piece) >= self._piece or size >= PIECE_BYTES or last - position >= PIECE_ROWS):
                position = await self._step(record, piece, position, last)
                piece, size = [], 0
            self._count(each, last)
            last = each.last
            if isinstance(each, Made):
                piece.append(each)
                size += len(each.body)
        position = await self._step(record, piece, position, last)
        await self._step(record, [], position, position, finished=True)
        return Told(tally=self._tally, resumed_at=record.position)

    def _count(self, each: Brought, last: int) -> None:
        self._tally.rows = max(self._tally.rows, each.last)
        if isinstance(each, Turned):
            self._turn_away(each.line, each.field, each.code, each.sentence)
        elif isinstance(each, LeftOut):
            self._tally.left_out += max(1, each.last - last)

    def _turn_away(self, line: Line, field: str, code: str, sentence: str) -> None:
        self._tally.refused += 1
        self._tally.reasons[code] = self._tally.reasons.get(code, 0) + 1
        self._refuse(line, field, code, sentence)

    async def _step(self, record: ImportRecord, piece: Sequence[Made], since: int, position: int, *, finished: bool = False) -> int:
        await self._hold()
        arrivals = await self._arrivals(piece) if piece else []
        step = Step(id=record.id, since=since, position=position, tally=self._tally, finished=finished)
        stored = await self._imports.bring(self._workspace, arrivals, step)
        if stored is None:
            raise Conflict("import_twice", "the same file is being brought in elsewhere: let that finish")
        self._tally.events += stored
        self._tally.known += len(arrivals) - stored
        self._tell(self._tally)
        return position

    async def _hold(self) -> None:
        """Wait while the engine has enough to do; a full disk ends the import."""
        if await self._intake.fullness() >= Intakes().fullness:
            raise Busy("disk_full", "the disk of this installation is nearly full: nothing is lost, send it again later", retry_after=60)
        until = self._clock.monotonic() + _PATIENCE
        while await self._intake.backlog(self._workspace) >= _WAITING:
            if self._clock.monotonic() > until:
                raise Busy("backlog_full", "this workspace has too many events waiting: wait, then send it again", retry_after=60)
            await self._clock.sleep(1.0)

    async def _arrivals(self, piece: Sequence[Made]) -> list[Arrival]:
        whom = dict.fromkeys((made.user, made.anonymous) for made in piece)
        found = await self._intake.resolve([Sighting(self._workspace, user, anonymous) for user, anonymous in whom], _ASKED)
        keys = {each: key_of(self._workspace, customer) for each, customer in zip(whom, found, strict=True) if customer}
        arrivals: list[Arrival] = []
        for made in piece:
            key = keys.get((made.user, made.anonymous))
            if key is None:
                self._turn_away(Line(made.first, {}), "anonymous_id", "ids_too_many", "this customer has as many ids as one may have")
                continue
            if made.answers:
                await self._answer(key, made)
            arrivals.append(self._arrival(key, made))
        return arrivals

    def _arrival(self, key: CustomerKey, made: Made) -> Arrival:
        own = made.own_id or f"import {self._namespace} {made.first}"
        at = min(made.at or self._now, self._now)
        day = day_of(min(made.at or self._now, self._now + DAY))
        also_day = None
        if day < day_of(self._now) - OLDEST_DAYS:
            day, also_day = day - OLD_SHELF, day
        return Arrival(
            key=key,
            h=blake2b(own.encode(), digest_size=16, key=self._digest_key).digest(),
            source=Source.IMPORT,
            call=made.call,
            name=made.name,
            at=at,
            received=self._now,
            body=made.body,
            day=day,
            also_day=also_day,
            trust=Trust.SECRET,
        )

    async def _answer(self, key: CustomerKey, made: Made) -> None:
        """Record the answers of a row before its event counts as brought in: doing it twice changes nothing."""
        taken, lacking = answers_to_take(made.answers, made.proof, file=self._name, row=made.first)
        self._tally.unproven += len(lacking)
        for each in taken:
            await self._registry.record_consent(key, _given(each))
            self._tally.answers += 1


def _given(answer: BroughtAnswer) -> Given:
    return Given(
        purpose=answer.purpose,
        channel=answer.channel,
        state=answer.state,
        source=answer.source,
        notice=answer.notice,
        language=answer.language,
        actor=answer.actor,
        proof=answer.proof,
        at=answer.at,
    )
