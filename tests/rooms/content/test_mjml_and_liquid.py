"""MJML with Liquid inside: faults are named with their line before any compiler sees them, and no tag is lost on the way."""

from __future__ import annotations

import pytest

from oportuno.content.frame import frame, kind_of
from oportuno.content.liquid import TemplateFault
from oportuno.content.mjml import restore, shield


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("<mj-text>hola</mj-text>\n<mj-txt>hola</mj-txt>", "mjml_unknown", 2),
        ("<mj-text>\nhola", "mjml_not_closed", 1),
        ("<mj-text>hola</mj-text>\n</mj-text>", "mjml_not_closed", 2),
        ("<mj-text><b>hola</mj-text>", "mjml_not_closed", 1),
        ("\n\nhola", "mjml_text_outside", 3),
        ("<mj-text>1 < 2</mj-text>", "mjml_malformed", 1),
        ("<mj-text>a</mj-text>\n<mj-section></mj-section>", "mjml_misplaced", 2),
        ("<mj-text>\n<mj-text>a</mj-text></mj-text>", "mjml_misplaced", 2),
        ("<mj-include path='/etc/passwd' />", "mjml_refused", 1),
        ("<mj-text><script>1</script></mj-text>", "mjml_refused", 1),
        ("<mj-text>\n<a href='javascript:1'>x</a></mj-text>", "mjml_refused", 2),
        ("<mj-text>\n\n<img src='x' onerror='1' /></mj-text>", "mjml_refused", 3),
        ("<mj-text {% if x %}color='red'{% endif %}>\na</mj-text>", "mjml_malformed", 1),
        ("{% if x %}\n{{ many\nlines }}\n<mj-bogus />{% endif %}", "mjml_unknown", 4),
        ("<mj-text>lq0ql</mj-text>", "mjml_malformed", 0),
    ],
)
def test_a_fault_in_mjml_is_named_with_its_line(source: str, code: str, line: int) -> None:
    with pytest.raises(TemplateFault) as fault:
        shield(source, root="mj-column")
    assert (fault.value.code, fault.value.line) == (code, line)


def test_an_element_nearly_right_is_offered() -> None:
    with pytest.raises(TemplateFault, match="did you mean <mj-text>"):
        shield("<mj-txt>hola</mj-txt>", root="mj-column")


def test_every_tag_comes_back_where_it_stood() -> None:
    source = '<mj-text color="{{ brand.ink }}">{% if a %}{{ a | default: "x" }}{% endif %}</mj-text>'
    shielded = shield(source, root="mj-column")
    assert "{" not in shielded.source
    assert restore(shielded.source, shielded) == source


def test_a_loop_around_elements_goes_through_the_compiler() -> None:
    shielded = shield("{% for line in lines %}<mj-text>{{ line }}</mj-text>{% endfor %}", root="mj-column")
    assert shielded.source == "<mj-raw><!--lq0ql--></mj-raw><mj-text>lq1ql</mj-text><mj-raw><!--lq2ql--></mj-raw>"


def test_a_loop_around_rows_stays_inside_its_table() -> None:
    shielded = shield("<mj-table>{% for l in ls %}<tr><td>{{ l }}</td></tr>{% endfor %}</mj-table>", root="mj-column")
    assert shielded.source == "<mj-table><!--lq0ql--><tr><td>lq1ql</td></tr><!--lq2ql--></mj-table>"


def test_a_tag_that_the_compiler_lost_is_a_fault_and_not_a_different_mail() -> None:
    shielded = shield("<mj-text>a</mj-text>\n{% if x %}<mj-text>b</mj-text>{% endif %}", root="mj-column")
    with pytest.raises(TemplateFault) as fault:
        restore("<p>a</p><p>b</p>", shielded)
    assert (fault.value.code, fault.value.line) == ("mjml_liquid_lost", 2)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("{% if a %}<mj-text>a</mj-text>{% endif %}", "column"),
        ("<!-- two columns --><mj-section></mj-section>", "sections"),
        ("<mjml><mj-body></mj-body></mjml>", "document"),
    ],
)
def test_authors_may_write_a_column_sections_or_a_whole_document(source: str, kind: str) -> None:
    assert kind_of(source) == kind
    framed = frame(source, "")
    shield(framed)
    assert "{{ links.why }}" in framed
    assert "{{ links.unsubscribe }}" in framed
    assert framed.startswith('<mjml lang="{{ label.language }}">')


def test_a_template_without_any_element_is_refused() -> None:
    with pytest.raises(TemplateFault):
        frame("hola", "")
