"""Liquid as we allow it: escaped by itself, every limit set, nothing from disk, nothing evaluated, no missing variable passed over.

A fault in a template fails this one message, with its name and line; it never takes the deliverer down or sends half a mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, wraps
from itertools import takewhile
from typing import Any, Final, NamedTuple

from liquid import Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import (
    FilterArgumentError,
    FilterError,
    FilterValueError,
    LiquidError,
    LoopIterationLimitError,
    ResourceLimitError,
    UndefinedError,
    UnknownFilterError,
)
from liquid.expression import Expression
from liquid.filter import with_context
from liquid.template import BoundTemplate
from liquid.undefined import FalsyStrictUndefined, is_undefined

from oportuno.content.formats import Form, count_text, day_text, moment_text, money_text, time_text
from oportuno.kit.faults import BadInput, Fault

LOOP_LIMIT: Final = 2_000
"""Rounds of all loops of one rendering together."""
OUTPUT_LIMIT: Final = 400_000
"""Bytes one part of a message may come to. Gmail cuts a mail at 102 kB."""
TEXT_LIMIT: Final = 50_000
"""Characters one value may come to on its way through filters."""
SOURCE_LIMIT: Final = 200_000
"""Characters of one template."""
FORM_KEY: Final = "oportuno_form"
"""Under this name a rendering carries the `Form` that money, days and times are written in."""

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_FILTERS: Final = frozenset(
    "abs append at_least at_most capitalize ceil compact default divided_by downcase escape first floor has join last lstrip map minus "
    "modulo newline_to_br plus prepend reject remove replace replace_first reverse round rstrip size slice sort split squish strip "
    "strip_newlines sum times truncate truncatewords uniq upcase url_encode where".split()
)
_TAGS: Final = frozenset({"tablerow", "include", "render", "increment", "decrement", "cycle", "ifchanged", "liquid", "doc"})
"""Tags of the library that we take away: they load other templates, hide loops, or keep state that nobody can read off the page."""


class TemplateFault(BadInput):
    """A template cannot be used, or not for this customer. `line` counts from 1 in its source; 0: the whole of it."""

    def __init__(self, code: str, sentence: str, *, line: int = 0) -> None:
        super().__init__(code, sentence, place=f"line {line}" if line else "")
        self.line = line


class _Rounds(RenderContext):
    """Counts the rounds of all loops together: the library alone would allow any number of loops, one after the other."""

    __slots__ = ("rounds",)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Raise when the loop about to start would go over the budget of this rendering."""
        self.rounds = getattr(self, "rounds", 0) + length
        if self.rounds > LOOP_LIMIT:
            raise LoopIterationLimitError("loop limit reached", token=None)


class _Bound(BoundTemplate):
    context_class = _Rounds


class _Liquid(Environment):
    block_nesting_limit = 12
    context_depth_limit = 12
    loop_iteration_limit = LOOP_LIMIT
    local_namespace_limit = 400_000
    output_stream_limit = OUTPUT_LIMIT
    template_class = _Bound


def _environment(*, escaped: bool) -> Environment:
    made = _Liquid(autoescape=escaped, undefined=FalsyStrictUndefined, strict_filters=True)
    for name in _TAGS & set(made.tags):
        del made.tags[name]
    made.filters = {name: _guarded(name, made.filters[name]) for name in _FILTERS}
    made.filters |= {"money": _money, "date": _date, "time": _time, "moment": _moment, "count": _count}
    return made


def _guarded(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what a filter takes and gives small: a few chained `replace` could otherwise come to gigabytes."""

    @wraps(plain)
    def guarded(value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, range) or any(isinstance(arg, range) for arg in args):
            raise FilterArgumentError(f"{name} does not take a range", token=None)
        if _size_after(name, value, args) > TEXT_LIMIT:
            raise ResourceLimitError("value too large", token=None)
        given = plain(value, *args, **kwargs)
        if isinstance(given, (str, list)) and len(given) > TEXT_LIMIT:
            raise ResourceLimitError("value too large", token=None)
        return given

    return guarded


def _size_after(name: str, value: Any, args: Sequence[Any]) -> int:
    if name == "replace" and args[1:] and not any(map(is_undefined, (value, *args))):
        text, old, new = str(value), str(args[0]), str(args[1])
        return len(text) + (text.count(old) if old else len(text) + 1) * len(new)
    if name == "join" and isinstance(value, (list, tuple)) and args:
        return len(value) * len(str(args[0]))
    if name in {"times", "plus"} and args:
        return len(str(value)) + len(str(args[0])) if not any(map(is_undefined, (value, *args))) else 0
    return 0


def _form(context: RenderContext) -> Form:
    form = context.globals.get(FORM_KEY)
    if not isinstance(form, Form):
        raise FilterArgumentError("the rendering has no language or zone", token=None)
    return form


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FilterArgumentError(f"{name} needs a number", token=None)
    return int(value)


@with_context
def _money(value: Any, currency: Any = None, *, context: RenderContext) -> str:
    if isinstance(value, Mapping):
        value, currency = value.get("minor"), value.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise FilterArgumentError("money needs a currency", token=None)
    return money_text(_whole("money", value), currency, _form(context).locale)


@with_context
def _date(value: Any, *, context: RenderContext) -> str:
    return day_text(_whole("date", value), _form(context))


@with_context
def _time(value: Any, *, context: RenderContext) -> str:
    return time_text(_whole("time", value), _form(context))


@with_context
def _moment(value: Any, *, context: RenderContext) -> str:
    return moment_text(_whole("moment", value), _form(context))


@with_context
def _count(value: Any, one: Any = "", many: Any = "", *, context: RenderContext) -> str:
    return count_text(_whole("count", value), _form(context).language, str(one), str(many))


_HTML: Final = _environment(escaped=True)
_PLAIN: Final = _environment(escaped=False)


@lru_cache(maxsize=1024)
def _parsed(source: str, *, escaped: bool) -> BoundTemplate:
    if len(source) > SOURCE_LIMIT:
        raise TemplateFault("template_too_large", f"a template may have {SOURCE_LIMIT} characters")
    try:
        parsed = (_HTML if escaped else _PLAIN).from_string(source)
    except LiquidError as fault:
        raise _named(fault) from fault
    for node in _nodes(parsed.nodes):
        _refuse_loose_ranges(node)
    return parsed


def _nodes(nodes: Iterable[Node]) -> Iterable[Node]:
    context = RenderContext(_HTML.from_string(""))
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children(context, include_partials=False))


def _refuse_loose_ranges(node: Node) -> None:
    """A range may only be looped over, where the loop limit counts it; anywhere else it could be turned into a list of any length."""
    waiting: list[tuple[Expression, bool]] = [(expression, False) for expression in node.expressions()]
    while waiting:
        expression, looped = waiting.pop()
        if isinstance(expression, RangeLiteral) and not looped:
            raise TemplateFault("template_range", "a range such as (1..5) can only be used in a for loop", line=_line(node.token))
        in_loop = isinstance(expression, LoopExpression)
        waiting.extend((child, in_loop and child is getattr(expression, "iterable", None)) for child in expression.children())


def render_html(source: str, data: Mapping[str, Any]) -> str:
    """Render a template whose output is HTML: every value is escaped. Raises TemplateFault."""
    return _render(source, data, escaped=True)


def render_plain(source: str, data: Mapping[str, Any]) -> str:
    """Render a template whose output is plain text, a subject for instance. Raises TemplateFault."""
    return _render(source, data, escaped=False)


def _render(source: str, data: Mapping[str, Any], *, escaped: bool) -> str:
    if "{{" not in source and "{%" not in source:
        return source
    try:
        return _parsed(source, escaped=escaped).render(data)
    except LiquidError as fault:
        raise _named(fault) from fault
    except Fault:
        raise
    except (ArithmeticError, TypeError, ValueError, RecursionError) as fault:
        raise TemplateFault("template_failed", "the template could not be worked out with this customer's values") from fault


class Asked(NamedTuple):
    """A name that a template asks for, and where."""

    path: tuple[str, ...]
    """Its words: ``("cart", "total")``; up to the first that is worked out only when it is rendered."""
    at: int
    """Where in the source."""


def asked(source: str) -> list[Asked]:
    """List the names a template asks for that it did not give itself, in the order of the source. Raises TemplateFault."""
    try:
        found = _parsed(source, escaped=True).analyze(include_partials=False)
    except LiquidError as fault:
        raise _named(fault) from fault
    names = [
        Asked(tuple(str(word) for word in takewhile(lambda word: isinstance(word, str), variable.segments)), variable.span.index)
        for variables in found.globals.values()
        for variable in variables
    ]
    return sorted(names, key=lambda name: name.at)


def check(source: str) -> list[str]:
    """Check a template at publish time and name the variables it asks for, as dotted paths in a stable order. Raises TemplateFault."""
    parsed = _parsed(source, escaped=True)
    try:
        found = parsed.analyze(include_partials=False)
    except LiquidError as fault:
        raise _named(fault) from fault
    for name, spans in found.filters.items():
        if name not in parsed.env.filters:
            line = source.count("\n", 0, spans[0].index) + 1
            raise TemplateFault("template_filter_unknown", f"there is no filter called {name[:40]}", line=line)
    return sorted({str(variable) for variables in found.globals.values() for variable in variables})


_OF_DATA: Final = "the template asks for {what}, which the data that came with it does not hold"
_NAMES: Final[tuple[tuple[type[LiquidError], str, str], ...]] = (
    (UndefinedError, "template_variable_missing", "the template asks for {what}, which this customer does not have"),
    (LoopIterationLimitError, "template_loops", f"the template loops more than {LOOP_LIMIT} times"),
    (ResourceLimitError, "template_too_large", "the template grows beyond its limits ({what})"),
    (UnknownFilterError, "template_filter_unknown", "the template uses a filter that does not exist: {what}"),
    (FilterArgumentError, "template_filter", "a filter cannot work with this value: {what}"),
    (FilterValueError, "template_filter", "a filter cannot work with this value: {what}"),
    (FilterError, "template_filter", "a filter cannot work with this value: {what}"),
    (LiquidError, "template_syntax", "the template cannot be read: {what}"),
)


def _named(fault: LiquidError) -> TemplateFault:
    what = _what(fault)
    for kind, code, sentence in _NAMES:
        if isinstance(fault, kind):
            told = _OF_DATA if kind is UndefinedError and what.startswith("data.") else sentence
            return TemplateFault(code, told.format(what=what), line=_line(fault.token))
    raise AssertionError(code)  # the table ends with LiquidError itself


def _what(fault: LiquidError) -> str:
    """Say what the library complains of. Undefined names come from the template's source, never from a customer's data."""
    said = str(fault.message or "")
    return said.removesuffix(" is undefined").replace("\n", " ")[:120]


def _line(token: Any) -> int:
    if token is None or token.start_index < 0:
        return 0
    return int(token.source.count("\n", 0, token.start_index)) + 1
