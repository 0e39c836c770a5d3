"""What is wrong with a request that does not have the described form: one sentence in our own words, and the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_WORDS: Final[Mapping[str, str]] = {
    "bool_parsing": "this is true or false",
    "bool_type": "this is true or false",
    "date_from_datetime_parsing": "this is a day such as 2026-12-31",
    "date_parsing": "this is a day such as 2026-12-31",
    "date_type": "this is a day such as 2026-12-31",
    "dict_type": "this is an object",
    "extra_forbidden": "there is no such field",
    "finite_number": "this is a number",
    "float_parsing": "this is a number",
    "float_type": "this is a number",
    "greater_than": "this is more than {gt}",
    "greater_than_equal": "this is {ge} or more",
    "int_from_float": "this is a whole number",
    "int_parsing": "this is a whole number",
    "int_parsing_size": "this number is too large",
    "int_type": "this is a whole number",
    "less_than": "this is less than {lt}",
    "less_than_equal": "this is {le} or less",
    "list_type": "this is a list",
    "literal_error": "this is one of: {expected}",
    "missing": "this is needed",
    "model_attributes_type": "this is an object",
    "model_type": "this is an object",
    "string_pattern_mismatch": "this does not have the form that is described: {pattern}",
    "string_too_long": "this is too long: at most {max_length} characters",
    "string_too_short": "this is too short: at least {min_length} characters",
    "string_type": "this is a text",
    "string_unicode": "this holds something that is no text",
    "too_long": "this list takes at most {max_length} of them",
    "too_short": "this list needs at least {min_length} of them",
    "value_error": "{error}",
}
"""By the framework's name of a fault. What it found there itself is in none of them: it may be personal."""


def sentence_of(error: Mapping[str, Any]) -> str:
    """Say what the framework found, without quoting what was sent; its own words where we have none."""
    words = _WORDS.get(str(error.get("type", "")))
    if words is None:
        return str(error.get("msg", "it cannot be read"))
    try:
        return words.format_map(error.get("ctx") or {})
    except KeyError:
        return str(error.get("msg", "it cannot be read"))


def place_of(where: Sequence[int | str]) -> str:
    """Name a place as we name it everywhere: ``items[3].reason``; empty: the body as a whole."""
    steps = where[1:] if where and where[0] == "body" else where
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
