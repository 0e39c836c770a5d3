"""The customer inside a step: an envelope of named sections, decoded only when asked for, changed in place.

A section belongs to purposes. Without all of them granted it cannot be decoded here, so nothing downstream can use it by oversight.
A draft is owned by one call of `step`; it is never shared, kept or copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias, TypeVar

import msgspec

from oportuno.kit.faults import Fault
from oportuno.kit.ids import CustomerKey
from oportuno.profile.purposes import Purpose


class Section(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A part of a customer's state with its own codec. Every field needs a default: an absent section is an empty one.

    A section that several fields long history would bloat is cut by its owner: hot state has a ceiling (see `SIZE_CEILING`), and what is
    cut when a state reaches it each section says for itself (`shed`).
    """

    title: ClassVar[str]
    """The name under which the section is stored; never reused for something else."""
    codec: ClassVar[int] = 1
    """Raised when the stored shape changes incompatibly."""
    purposes: ClassVar[frozenset[Purpose]] = frozenset()
    """Every purpose that must be granted before the section may be decoded. Empty: service data."""

    def shed(self) -> str:
        """Let go of the part that is missed least, and name it; empty when nothing more can be spared.

        Asked again and again of the largest section, as long as a state is above `SIZE_CEILING`. What goes follows from what the section
        holds, never from the order in which it came.
        """
        return ""

    @classmethod
    def of_past(cls, codec: int, blob: bytes) -> Self:
        """Read what an earlier release wrote. Needed by a section whose codec was ever raised."""
        raise CodecTooOld("codec_too_old", f"section {cls.title} cannot be read in codec {codec} of {len(blob)} bytes")


class LetGo(Section):
    """What was left out of a state that reached the ceiling, so that everybody sees that it is not whole. Service data."""

    title: ClassVar[str] = "let_go"

    parts: list[str] = []
    """Names of such parts, as `Section.shed` gives them, in the order of the alphabet."""


S = TypeVar("S", bound=Section)

SIZE_CEILING: Final = 8_000
"""Bytes of hot state above which a customer is too large to decide about quickly. With its columns such a row still fits a page of
PostgreSQL, which stores it in line."""

_Stored: TypeAlias = tuple[str, int, bytes]
"""A section as the envelope has it: title, codec, blob."""
_ENVELOPE: Final = msgspec.msgpack.Decoder(list[_Stored])
_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")
"""Sorts the keys of dicts: the same facts are the same bytes, in whatever order they came."""
_DECODERS: Final[dict[type[Section], msgspec.msgpack.Decoder[Any]]] = {}
NO_PURPOSES: Final[frozenset[Purpose]] = frozenset()


class PurposeClosed(Fault):
    """A section was opened whose purpose the customer has not granted. A fault of ours, never of theirs."""


class CodecTooNew(Fault):
    """A newer release wrote this section: this worker must give up the bucket."""


class CodecTooOld(Fault):
    """A section is stored in a codec that nobody reads any more: a release was skipped. A fault of ours."""


class Draft:
    """One customer's state, open for one step."""

    __slots__ = ("_deleted", "_dirty", "_open", "_sections", "_tended", "granted", "key", "lightened", "stirred", "version")

    def __init__(self, key: CustomerKey, state: bytes = b"", version: int = 0) -> None:
        self.key = key
        self.version = version
        """The stored version this draft was read from; 0 when the customer has no row yet."""
        self.granted: frozenset[Purpose] = NO_PURPOSES
        """The purposes granted now; set once per step by the room that owns consent."""
        self._sections: dict[str, _Stored] = {entry[0]: entry for entry in _ENVELOPE.decode(state)} if state else {}
        self._open: dict[type[Section], Section] = {}
        self._dirty: set[type[Section]] = set()
        self._tended: set[type[Section]] = set()
        self._deleted: set[type[Section]] = set()
        self.lightened: list[str] = []
        """What `encode` let go of, as `Section.shed` names it."""
        self.stirred: list[tuple[Literal["product", "category", "brand"], str, int]] = []
        """What the events of this step told of interest, each with its points: spares looking through everything for what may have
        changed. Never stored."""

    def read(self, section: type[S]) -> S:
        """Give a section to look at. Changes made to it are not kept; use `open` to change.

        Raises PurposeClosed when its purposes are not granted.
        """
        found = self._open.get(section)
        if found is None:
            found = self._decode(section)
        return found  # type: ignore[return-value]

    def open(self, section: type[S]) -> S:
        """Give a section to change in place; it will be written back.

        Raises PurposeClosed when its purposes are not granted.
        """
        found = self._open.get(section)
        if found is None:
            found = self._decode(section)
        self._dirty.add(section)
        return found  # type: ignore[return-value]

    def tend(self, section: type[S]) -> S:
        """Give a section to tidy in place: it will be written back, but says nothing new, so that nobody takes it for `touched`.

        Raises PurposeClosed when its purposes are not granted.
        """
        self._tended.add(section)
        return self.read(section)

    def read_closed(self, section: type[S]) -> S:
        """Give a section whatever its purposes, for one use only: putting two states together. It must not be shown or decided by."""
        found = self._open.get(section)
        return found if found is not None else self._decode(section, only_to_shed=True)  # type: ignore[return-value]

    def open_closed(self, section: type[S]) -> S:
        """Give a section to change in place whatever its purposes, for the same one use."""
        found = self.read_closed(section)
        self._dirty.add(section)
        return found

    def take_over(self, section: type[Section], other: Draft) -> None:
        """Have a section exactly as another draft has it, or not at all if that has none."""
        self.delete(section)
        if other.has(section):
            self._open[section] = other.read_closed(section)
            self._dirty.add(section)

    def adopt(self, other: Draft, besides: set[str]) -> None:
        """Take sections of another draft that this one does not have, as they are: those of a newer release, which nobody here can read."""
        for title, stored in other._sections.items():
            if title not in besides:
                self._sections.setdefault(title, stored)

    def may(self, section: type[Section]) -> bool:
        """Say whether the section's purposes are granted."""
        return section.purposes <= self.granted

    def delete(self, section: type[Section]) -> None:
        """Forget a section; needs no purpose, because forgetting is always allowed."""
        if self.has(section):
            self._deleted.add(section)
        self._sections.pop(section.title, None)
        self._open.pop(section, None)
        self._dirty.discard(section)
        self._tended.discard(section)

    def has(self, section: type[Section]) -> bool:
        """Say whether the section holds anything, without decoding it."""
        return section in self._open or section.title in self._sections

    def touched(self, sections: Iterable[type[Section]]) -> bool:
        """Say whether any of these was opened for change, or deleted, in this draft."""
        return not (self._dirty.isdisjoint(sections) and self._deleted.isdisjoint(sections))

    @property
    def changed(self) -> bool:
        """Whether anything was opened for change, or to be tidied."""
        return bool(self._dirty or self._tended)

    def encode(self) -> bytes:
        """Write the envelope: opened sections anew, all others byte for byte as they came, in a stable order.

        A state above `SIZE_CEILING` is made lighter first; what it let go of stands in its section `LetGo`.
        """
        for section in self._dirty | self._tended if self._tended else self._dirty:
            title = section.title
            self._sections[title] = (title, section.codec, _ENCODER.encode(self._open[section]))
        packed = self._pack()
        return packed if len(packed) <= SIZE_CEILING else self._lighten(packed)

    def sizes(self) -> dict[str, int]:
        """Give the stored bytes of each section, for budgets and for the health page."""
        return {title: len(blob) for title, _, blob in self._sections.values()}

    def _decode(self, section: type[Section], *, only_to_shed: bool = False) -> Section:
        if section.purposes and not only_to_shed and not section.purposes <= self.granted:
            raise PurposeClosed("purpose_closed", f"section {section.title} needs {sorted(section.purposes)}")
        stored = self._sections.get(section.title)
        if stored is None:
            value = section()
        else:
            _, codec, blob = stored
            if codec > section.codec:
                raise CodecTooNew(
                    "codec_too_new", f"section {section.title} has codec {codec}, known is {section.codec}", place=section.title
                )
            if codec < section.codec:
                value = section.of_past(codec, blob)
            else:
                decoder = _DECODERS.get(section)
                if decoder is None:
                    decoder = _DECODERS[section] = msgspec.msgpack.Decoder(section)
                value = decoder.decode(blob)
        self._open[section] = value
        return value

    def _pack(self) -> bytes:
        # By title: no two sections have the same, so that nothing else is ever compared.
        return _ENCODER.encode(sorted(self._sections.values()))

    def _lighten(self, packed: bytes) -> bytes:
        """Let the largest section go of its least part, over and over, until the state is small enough or nothing can be spared."""
        kinds = {kind.title: kind for kind in _kinds_of(Section)}
        let_go = self.open(LetGo)
        while len(packed) > SIZE_CEILING:
            for title in sorted(kinds.keys() & self._sections.keys(), key=lambda title: (-len(self._sections[title][2]), title)):
                kind = kinds[title]
                part = (self._open.get(kind) or self._decode(kind, only_to_shed=True)).shed()
                if part:
                    break
                del kinds[title]
            else:
                break
            self._dirty.add(kind)
            self.lightened.append(part)
            let_go.parts = sorted({*let_go.parts, part})
            for section in (kind, LetGo):
                self._sections[section.title] = (section.title, section.codec, _ENCODER.encode(self._open[section]))
            packed = self._pack()
        return packed


def _kinds_of(section: type[Section]) -> Iterator[type[Section]]:
    for kind in section.__subclasses__():
        yield kind
        yield from _kinds_of(kind)
