"""A message is published once it is whole: every fault in its file has a line, and what was published can be written out again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_stage import cart_mail
from oportuno.adapters.mjml import Mrml
from oportuno.content.template import Template
from oportuno.flows.publish import read_template, write_template
from oportuno.kit.faults import BadInput
from oportuno.profile.purposes import Purpose

SHIPPED = (files("oportuno") / "plays/messages/abandoned-cart.yaml").read_text(encoding="utf-8")
SMALL = """message: hola
channel: email
topic: news
utm: {source: norte}
wordings:
  es:
    subject: Hola {{ customer.first_name }}
    mjml: |
      <mj-text>Hola</mj-text>
      {% if items.size > 1 %}
      <mj-text>Muchas cosas</mj-text>
      {% endif %}
  en:
    subject: Hello
    mjml: <mj-text>Hello <a href="{{ links.why }}">you</a></mj-text>
    text: |
      Hello you
"""
HOOK = """message: warehouse
channel: webhook
purpose: service
url: https://hooks.norte.example/oportuno
secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
payload:
  text: "Hola {{ customer.first_name }}"
  list: [1, two, {three: "{{ message.id }}"}]
"""


def read(text: str) -> Template:
    return asyncio.run(read_template(text, Mrml()))


def test_a_published_message_is_ready_in_every_language() -> None:
    template = read(SMALL)
    assert (template.key, template.version, template.purpose, template.topic) == ("hola", 1, Purpose.MARKETING, "news")
    assert set(template.wordings) == {"es", "en"}
    spanish = template.wordings["es"]
    assert "{% if items.size > 1 %}" in spanish.html
    assert "mj-" not in spanish.html.replace("mj-column", "").replace("mj-outlook", "")
    assert spanish.plain.split() == "Hola {% if items.size > 1 %} Muchas cosas {% endif %}".split()
    assert template.wordings["en"].plain == "Hello you\n"


@pytest.mark.parametrize("source", [SHIPPED, SMALL, HOOK])
def test_what_was_published_can_be_written_out_and_read_again(source: str) -> None:
    template = read(source)
    assert read(write_template(template)) == template


def test_a_webhook_keeps_its_payload_as_written() -> None:
    template = read(HOOK)
    assert (template.url, template.purpose) == ("https://hooks.norte.example/oportuno", Purpose.SERVICE)
    assert template.payload == '{"text": "Hola {{ customer.first_name }}", "list": [1, "two", {"three": "{{ message.id }}"}]}'


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("message: hola", "message: Hola Mundo", "message_key", 1),
        ("channel: email", "channel: pigeon", "word_unknown", 2),
        ("topic: news", "tpic: news", "word_unknown", 3),
        ("utm: {source: norte}", "utm: {souce: norte}", "word_unknown", 4),
        ("  es:", "  español:", "message_language", 7),
        ("Hello\n    mjml", "Hello {{ name\n    mjml", "template_syntax", 14),
        ("<mj-text>Muchas cosas</mj-text>", "<mj-txt>Muchas cosas</mj-txt>", "mjml_unknown", 11),
        ("{% endif %}", "", "template_syntax", 9),
        ("Muchas cosas", "Muchas cosas\n      ¡Última oportunidad!", "wording_forbidden", 12),
        ("subject: Hello", "subject: You forgot something", "wording_forbidden", 14),
        ("      Hello you", "      Hello you\n      {{ x | nothing }}", "template_filter_unknown", 18),
        ("you</a>", "you", "mjml_not_closed", 15),
        ("channel: email", "channel: email\nchannel: email", "named_twice", 3),
        ("channel: email", "channel: &x email", "yaml_alias", 2),
        ("    subject: Hello\n", "", "word_missing", 14),
    ],
)  # fmt: skip
def test_a_fault_in_the_file_names_its_line(old: str, new: str, code: str, line: int) -> None:
    assert old in SMALL
    with pytest.raises(BadInput) as fault:
        read(SMALL.replace(old, new, 1))
    assert fault.value.code == code
    assert fault.value.place == f"line {line}"
    assert fault.value.sentence


@pytest.mark.parametrize(
    "url", ["ftp://x.example", "https://", "javascript:1", "https://user:secret@x.example", "https://x.example:99999/", "not an address"]
)
def test_a_webhook_goes_to_an_address_of_the_web(url: str) -> None:
    with pytest.raises(BadInput) as fault:
        read(HOOK.replace("https://hooks.norte.example/oportuno", url))
    assert fault.value.code == "message_url"


def test_a_payload_with_a_broken_template_is_refused() -> None:
    with pytest.raises(BadInput):
        read(HOOK.replace("{{ message.id }}", "{{ message.id"))


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200))
def test_any_text_at_all_is_a_message_or_a_named_fault(text: str) -> None:
    with suppress(BadInput):
        assert read(text).key


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="<>/mj-text{}%\"' =abc\n", max_size=80))
def test_any_mjml_at_all_is_compiled_or_a_named_fault_with_a_line(mjml: str) -> None:
    indented = mjml.replace("\n", "\n        ")
    text = f"message: m\nchannel: email\nwordings:\n  es:\n    subject: S\n    mjml: |2\n        {indented}\n"
    assert _place_of_fault(text) in {"", *(f"line {number}" for number in range(1, text.count("\n") + 2))}


def _place_of_fault(text: str) -> str:
    try:
        read(text)
    except BadInput as fault:
        return fault.place or "nowhere"
    return ""


def test_the_shipped_mail_brings_no_font_or_style_from_elsewhere() -> None:
    for wording in cart_mail().wordings.values():
        assert "fonts.googleapis" not in wording.html
        assert "http://" not in wording.html.replace("http://www.w3.org", "")
