"""Reading YAML that people write: strictly, and with the line of every fault.

Texts stay texts (a country `NO` is not a no), nothing is built but mappings, lists and scalars, and names that nobody asked for are refused
with the nearest one that exists. Every fault is a BadInput whose place is ``line 12``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

import yaml

from oportuno.kit.faults import BadInput
from oportuno.kit.times import Millis, parse_duration

LONGEST_TEXT: Final = 512 * 1024
DEEPEST: Final = 32

_WHOLE: Final = re.compile(r"[-+]?\d{1,18}")
_NUMBER: Final = re.compile(r"[-+]?(\d{1,18}(\.\d{0,30})?|\.\d{1,30})([eE][-+]?\d{1,3})?")
_NOTHING: Final = frozenset({"", "~", "null"})


class Part:
    """A value in the document and the line it stands on."""

    __slots__ = ("_node", "_path")

    def __init__(self, node: yaml.Node, path: str = "") -> None:
        self._node = node
        self._path = path

    @property
    def line(self) -> int:
        """The line of the value, counted from 1. The content of a block text (``|``) begins one line further down."""
        return self._node.start_mark.line + 1

    @property
    def text_line(self) -> int:
        """The line on which the words of a text begin: for a block text the one below its sign."""
        block = isinstance(self._node, yaml.ScalarNode) and self._node.style in {"|", ">"}
        return self.line + (1 if block else 0)

    def fault(self, code: str, sentence: str) -> BadInput:
        """Make the error that says what is wrong here."""
        return BadInput(code, sentence, place=f"line {self.line}")

    def table(self, known: Iterable[str], *, needed: Iterable[str] = ()) -> Table:
        """Read a mapping whose keys are all known. Raises BadInput at the line of a key that is not, or when a needed one is missing."""
        names = tuple(known)
        table = Table(self, {key: part for key, _, part in self._entries()})
        for key, key_part, _ in self._entries():
            if key not in names:
                near = nearest(key, names)
                hint = f"; did you mean “{near}”?" if near else f"; known are {', '.join(names)}"
                raise key_part.fault("word_unknown", f"“{key[:60]}” is not known {self._where()}{hint}")
        for name in needed:
            table.need(name)
        return table

    def pairs(self) -> list[tuple[str, Part]]:
        """Read a mapping with free keys."""
        return [(key, part) for key, _, part in self._entries()]

    def parts(self) -> list[Part]:
        """Read a list."""
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.fault("list_expected", f"a list is expected {self._where()}")
        return [Part(node, self._path) for node in self._node.value]

    def text(self, *, longest: int = 200) -> str:
        """Read one text, as it is written."""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.fault("text_expected", f"a text is expected {self._where()}")
        text: str = self._node.value
        if len(text) > longest:
            raise self.fault("text_too_long", f"the text {self._where()} is longer than {longest} characters")
        if not text and self._node.style is None:
            raise self.fault("text_missing", f"a text is missing {self._where()}")
        if "\0" in text:
            raise self.fault("text_unfit", f"the text {self._where()} has a NUL character")
        return text

    def texts(self, *, most: int = 100) -> tuple[str, ...]:
        """Read one text or a list of them, none twice."""
        if isinstance(self._node, yaml.ScalarNode):
            return (self.text(),)
        found: dict[str, None] = {}
        for part in self.parts():
            text = part.text()
            if text in found:
                raise part.fault("named_twice", f"“{text[:60]}” is named twice {self._where()}")
            found[text] = None
        if len(found) > most:
            raise self.fault("list_too_long", f"more than {most} entries {self._where()}")
        return tuple(found)

    def choice(self, options: Iterable[str]) -> str:
        """Read one of the options."""
        names = tuple(options)
        text = self.text()
        if text not in names:
            near = nearest(text, names)
            hint = f"did you mean “{near}”?" if near else f"one of {', '.join(names)} is expected"
            raise self.fault("word_unknown", f"“{text[:60]}” is not known {self._where()}; {hint}")
        return text

    def whole(self, least: int, most: int) -> int:
        """Read a whole number within bounds."""
        text = self.text()
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise self.fault("number_unfit", f"a whole number from {least} to {most} is expected {self._where()}")
        return int(text)

    def number(self, least: float, most: float) -> float:
        """Read a number within bounds."""
        text = self.text()
        if not _NUMBER.fullmatch(text) or not least <= float(text) <= most:
            raise self.fault("number_unfit", f"a number from {least:g} to {most:g} is expected {self._where()}")
        return float(text)

    def flag(self) -> bool:
        """Read true or false."""
        return self.choice(("true", "false")) == "true"

    def duration(self, least: Millis, most: Millis) -> Millis:
        """Read a length of time such as 30m, 1h30m or 7d, within bounds."""
        text = self.text()
        try:
            length = parse_duration(text)
        except BadInput as fault:
            raise self.fault(fault.code, fault.sentence) from fault
        if not least <= length <= most:
            raise self.fault(
                "duration_unfit", f"a length of time from {write_duration(least)} to {write_duration(most)} is expected {self._where()}"
            )
        return length

    def plain(self) -> Any:
        """Read whatever is there as plain values: what is quoted is text, what looks like a number, true, false or null is that."""
        node = self._node
        if isinstance(node, yaml.SequenceNode):
            return [part.plain() for part in self.parts()]
        if isinstance(node, yaml.MappingNode):
            return {key: part.plain() for key, part in self.pairs()}
        if isinstance(node, yaml.ScalarNode) and node.style is None:
            return _bare(node.value)
        return self.text(longest=LONGEST_TEXT)

    def _entries(self) -> list[tuple[str, Part, Part]]:
        if not isinstance(self._node, yaml.MappingNode):
            raise self.fault("mapping_expected", f"names with values are expected {self._where()}")
        return [(key.value, Part(key, self._path), Part(value, key.value)) for key, value in self._node.value]

    def _where(self) -> str:
        return f"in “{self._path[:60]}”" if self._path else "here"


class Table:
    """A mapping with known keys."""

    __slots__ = ("_found", "part")

    def __init__(self, part: Part, found: dict[str, Part]) -> None:
        self.part = part
        self._found = found

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def get(self, key: str) -> Part | None:
        """Give the value under a key, if there is one."""
        return self._found.get(key)

    def need(self, key: str) -> Part:
        """Give the value under a key. Raises BadInput at the mapping's line when it is missing."""
        found = self._found.get(key)
        if found is None:
            raise self.part.fault("word_missing", f"“{key}” is missing")
        return found


def read_yaml(text: str) -> Part:
    """Read one YAML document. Raises BadInput, with the line, on anything but plain mappings, lists and scalars."""
    if len(text) > LONGEST_TEXT:
        raise BadInput("document_too_long", f"the document is longer than {LONGEST_TEXT // 1024} KB", place="line 1")
    source = text.removeprefix("\ufeff")
    try:
        node = _Loader(source).get_single_node()
    except yaml.reader.ReaderError as fault:
        line = source.count("\n", 0, fault.position) + 1
        raise BadInput("yaml_malformed", "there is a character that YAML does not allow", place=f"line {line}") from fault
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        problem = (fault.problem or "the document cannot be read").rstrip(".")
        raise BadInput("yaml_malformed", f"this is not YAML: {problem}", place=f"line {mark.line + 1 if mark else 1}") from fault
    except (ValueError, OverflowError) as fault:  # an escape such as "\UFFFFFFFF" names no character, and PyYAML does not look
        raise BadInput("yaml_malformed", "an escape names a character that does not exist", place="line 1") from fault
    if node is None:
        raise BadInput("document_empty", "the document is empty", place="line 1")
    return Part(node)


def write_yaml(value: Any) -> str:
    """Write plain values so that `read_yaml` gives them back."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


def write_duration(length: Millis) -> str:
    """Write a length of time in the form that people write it: 30m, 1h30m, 7d."""
    left, out = length, ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            out += f"{count}{unit}"
    return out or "0s"


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the known word that was probably meant; empty when none is near."""
    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold()[:100], by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""


def _bare(text: str) -> Any:
    if text in _NOTHING:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


class _Dumper(yaml.SafeDumper):
    """Quotes every text that this reader would take for something else."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" in text and not re.search(r"[^\S\n]\n|^\s|[^\n\x20-\x7e\u00a1-\u2027\u202a-\ud7ff\ue000-\ufefe]", text):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    style = None if isinstance(_bare(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_number(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    text = repr(number)
    # PyYAML takes 1e-05 for a text: with the tag it would give the bare word itself, the word is written bare.
    bare: str = dumper.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it bare
    return dumper.represent_scalar(bare, text)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_number)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; refuses what could hide something or blow up."""

    deep = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it bare
        place = f"line {event.start_mark.line + 1}" if event.start_mark is not None else ""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInput("yaml_alias", "anchors and aliases (& and *) are not allowed", place=place)
        if getattr(event, "tag", None) not in {None, "!"}:
            raise BadInput("yaml_tag", "tags (!) are not allowed", place=place)
        if self.deep >= DEEPEST:
            raise BadInput("yaml_too_deep", f"values are nested more than {DEEPEST} deep", place=place)
        self.deep += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.deep -= 1

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise BadInput("key_unfit", "a name must be a text", place=f"line {key.start_mark.line + 1}")
            if key.value in seen:
                raise BadInput("named_twice", f"“{key.value[:60]}” stands here twice", place=f"line {key.start_mark.line + 1}")
            seen.add(key.value)
        return node
