"""Templates are written by people in a hurry: whatever they write, a mail is whole or it is not sent, and the deliverer goes on."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.content.formats import Form
from oportuno.content.liquid import FORM_KEY, OUTPUT_LIMIT, TemplateFault, check, render_html, render_plain

FORM = Form(language="es", locale="es_ES", zone="Europe/Madrid", now=1_795_255_200_000)
DATA: dict[str, Any] = {
    FORM_KEY: FORM,
    "customer": {"first_name": "Ana"},
    "cart": {"total": 8520, "currency": "EUR", "left_at": 1_795_250_000_000, "lines": []},
    "huge": 10**9,
}


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("Hola\n{{ customer.dog }}", "template_variable_missing", 2),
        ("{% for line in cart.nothing %}{% endfor %}", "template_variable_missing", 1),
        ("{% for i in (1..3000) %}x{% endfor %}", "template_loops", 1),
        ("{% for i in (1..huge) %}x{% endfor %}", "template_loops", 1),
        ("{% for i in (1..100) %}{% for j in (1..100) %}x{% endfor %}{% endfor %}", "template_loops", 1),
        ("{% for i in (1..1500) %}x{% endfor %}\n{% for i in (1..1500) %}x{% endfor %}", "template_loops", 2),
        ("{{ (1..1000000000) | join: ',' }}", "template_range", 1),
        ("a\nb\n{% assign all = (1..1000000000) %}", "template_range", 3),
        ("{{ 'aaaaaaaaaa' | replace: 'a', 'aaaaaaaaaa'" + " | replace: 'a', 'aaaaaaaaaa'" * 6 + " }}", "template_too_large", 1),
        ("{% assign t = 'x' %}{% for i in (1..40) %}{% assign t = t | append: t %}{% endfor %}", "template_too_large", 1),
        ("{% if customer.first_name %}", "template_syntax", 0),
        ("{{ customer.first_name | shout }}", "template_filter_unknown", 1),
        ("{{ customer.first_name | money: 'EUR' }}", "template_filter", 1),
        ("{{ cart.total | divided_by: 0 }}", "template_filter", 1),
        ("{% include 'passwd' %}", "template_syntax", 1),
        ("{% render 'passwd' %}", "template_syntax", 1),
    ],
)
def test_a_fault_in_a_template_has_a_name_and_a_line(source: str, code: str, line: int) -> None:
    with pytest.raises(TemplateFault) as fault:
        render_html(source, DATA)
    assert fault.value.code == code
    if line:
        assert fault.value.place == f"line {line}"


def test_a_template_that_writes_without_end_is_stopped() -> None:
    source = "{% for i in (1..1900) %}" + "abcdefgh" * 60 + "{% endfor %}"
    with pytest.raises(TemplateFault) as fault:
        render_html(source, DATA)
    assert fault.value.code == "template_too_large"
    assert len("abcdefgh") * 60 * 1900 > OUTPUT_LIMIT


def test_blocks_nested_without_end_are_refused_when_published() -> None:
    with pytest.raises(TemplateFault):
        check("{% if true %}" * 50 + "{% endif %}" * 50)


def test_what_is_not_known_may_be_asked_about_and_have_a_default() -> None:
    assert render_html("{% if customer.dog %}perro{% else %}sin perro{% endif %}", DATA) == "sin perro"
    assert render_html("{{ customer.dog | default: 'amiga' }}", DATA) == "amiga"


def test_a_fault_never_quotes_what_the_customer_is_called() -> None:
    data = DATA | {"customer": {"first_name": "<Secreta>"}}
    with pytest.raises(TemplateFault) as fault:
        render_html("{{ customer.first_name | date }}", data)
    assert "Secreta" not in fault.value.sentence


def test_variables_are_named_when_a_template_is_published() -> None:
    source = "{{ customer.first_name }}{% for line in cart.lines %}{{ line.name }}{% endfor %}"
    assert check(source) == ["cart.lines", "customer.first_name"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_whatever_a_value_holds_it_cannot_become_markup(value: Any) -> None:
    html = render_html('<p title="{{ v }}">{{ v }}</p>{% for each in list %}<i>{{ each }}</i>{% endfor %}', {"v": value, "list": [value]})
    inside = html.removeprefix('<p title="')
    assert html.count("<") == 4
    assert html.count('"') == 2
    assert inside.count(">") == 4


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=80))
def test_a_text_arrives_as_it_was_written(text: str) -> None:
    assert render_plain("{{ v }}", {"v": text}) == text
    assert escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") == render_html("{{ v }}", {"v": text})


@given(st.text(alphabet="{}%|. abcdefgh'\"()123<>=", max_size=120))
def test_any_source_at_all_is_rendered_or_refused_by_name(source: str) -> None:
    with suppress(TemplateFault):
        assert isinstance(render_html(source, DATA), str)


def test_data_is_never_evaluated() -> None:
    assert render_html("{{ v }}", {"v": "{{ 7 | times: 7 }}"}) == "{{ 7 | times: 7 }}"


def test_objects_show_nothing_of_their_insides() -> None:
    with pytest.raises(TemplateFault):
        render_html("{{ v.__class__ }}", {"v": "x"})
