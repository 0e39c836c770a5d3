"""What would be a silence for every customer is refused when it is laid down, with the file and the line that says it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from importlib.resources import files

import pytest

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.mjml import Mrml
from oportuno.flows.apply import Applied, SeveralFaults, apply
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.stand_ins import stand_ins
from oportuno.kit.faults import Fault
from oportuno.moments.evidence import KINDS

CART_MAIL = (files("oportuno") / "plays/messages/abandoned-cart.yaml").read_text(encoding="utf-8")
POLICY = """policy:
  timezone: Europe/Madrid
  country: ES
  languages: [es, en]
brand:
  name: Tienda Norte
  shop_url: https://norte.example
  tokens:
    brand: "#0d4450"
"""
JOURNEY = """journey: hello
trigger: [Product Added]
steps:
  - id: say
    send: hello
    channel: email
    because: cart_left
    expires: 1h
"""
MAIL = """message: hello
channel: email
wordings:
  es:
    subject: Hola
    mjml: |
      <mj-text>Tu cesta</mj-text>
      {% for line in cart.lines %}
      <mj-text>{{ line.name }}</mj-text>
      {% endfor %}
      <mj-button href="{{ links.cart }}">Volver</mj-button>
  en:
    subject: Hello
    mjml: |
      <mj-text>Your basket</mj-text>
"""
HOOK = """message: hello
channel: webhook
url: https://hooks.norte.example/oportuno
payload:
  note: nothing to fill in
  phone: "{{ customer.phone }}"
  list:
    - "{{ message.id }}"
    - "{{ cart.lines.size }}"
"""
GOOD = {"policy.yaml": POLICY, "journeys/hello.yaml": JOURNEY, "messages/hello.yaml": MAIL}


def laid_down(*foldersful: Mapping[str, str]) -> Applied:
    """Apply one folder after the other to a new workspace of Tienda Norte."""

    async def story() -> Applied:
        workspaces = MemoryWorkspaces(MemoryWorld())
        opened = await open_workspace(
            "Tienda Norte", timezone="Europe/Madrid", locale="es-ES", sandbox=True, workspaces=workspaces, chance=secrets.token_bytes
        )
        number = opened.workspace.workspace
        done = Applied(version=0)
        for folder in foldersful:
            done = await apply(folder, workspace=number, workspaces=workspaces, compiler=Mrml())
        return done

    return asyncio.run(asyncio.wait_for(story(), 300))


def refused(*foldersful: Mapping[str, str]) -> list[Fault]:
    with pytest.raises(SeveralFaults) as found:
        laid_down(*foldersful)
    return list(found.value.faults)


def only(*foldersful: Mapping[str, str]) -> tuple[str, str]:
    (fault,) = refused(*foldersful)
    assert fault.sentence
    return fault.code, fault.place


def mail(old: str, new: str) -> dict[str, str]:
    assert old in MAIL
    return GOOD | {"messages/hello.yaml": MAIL.replace(old, new, 1)}


def test_what_works_is_published() -> None:
    assert len(laid_down(GOOD).published) == 3
    assert len(laid_down(GOOD | {"journeys/hello.yaml": JOURNEY.replace("email", "webhook"), "messages/hello.yaml": HOOK}).published) == 3


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("{{ line.name }}", "{{ line.nmae }}", "template_variable_unknown", 9),
        ("{{ line.name }}", "{{ cart.totl }}", "template_variable_unknown", 9),
        ("{{ line.name }}", "{% if cart.totl %}x{% endif %}", "template_variable_unknown", 9),
        ("{{ line.name }}", "{{ discount }}", "template_variable_unknown", 9),
        ("subject: Hola", "subject: Hola {{ customer.firstname }}", "template_variable_unknown", 5),
        ("subject: Hola", "subject: Hola {{ customer.first_name }}", "template_variable_unsure", 5),
        ("subject: Hola", 'subject: "{% if customer.phone %}Hola{% endif %}"', "template_no_subject", 5),
        ("{{ line.name }}", "{{ cart.total | money: cart.currency }}", "template_filter", 9),
        ("for line in cart.lines", "for line in (1..2001)", "template_loops", 8),
        ("for line in cart.lines", "for line in (1..1900)", "template_variable_unknown", 9),
        ("{{ line.name }}", "{% for a in (1..30) %}{% for b in (1..30) %}.{% endfor %}{% endfor %}", "template_loops", 8),
        ("{{ links.cart }}", "{{ links.basket }}", "template_variable_unknown", 11),
        ("{{ links.cart }}", "{{ brand.privacy_url }}", "template_link_nowhere", 11),
        ("{{ links.cart }}", "", "template_link_nowhere", 11),
        ("{{ links.cart }}", "#", "template_link_nowhere", 11),
        ("{{ links.cart }}", "/cesta", "template_link_nowhere", 11),
        ("{{ links.cart }}", "https://", "template_link_nowhere", 11),
        ("{{ line.name }}", '<a href="{{ line.url }}">ver</a>', "template_link_nowhere", 9),
        ("{{ line.name }}", '<img src="{{ line.image }}" alt="" />', "template_picture_nowhere", 9),
        ("  en:\n    subject: Hello\n    mjml: |\n      <mj-text>Your basket</mj-text>\n", "", "message_language_missing", 4),
    ],
)  # fmt: skip
def test_a_mail_that_could_not_be_sent_is_refused_by_its_line(old: str, new: str, code: str, line: int) -> None:
    assert only(mail(old, new)) == (code, f"messages/hello.yaml:{line}")


@pytest.mark.parametrize(
    "new",
    [
        "{{ discount | default: 'nada' }}",
        "{{ customer.first_name | default: 'hola' }}",
        "{% if customer.first_name %}{{ customer.first_name }}{% endif %}",
        "{% if customer.traits.favourite %}{{ customer.traits.favourite }}{% endif %}",
        "{% if cart.total %}{{ cart.total | money: cart.currency }}{% endif %}",
        "{% if line.url != blank %}<a href='{{ line.url }}'>ver</a>{% endif %}",
        '<a href="mailto:hola@norte.example">escribe</a> <a href="https://norte.example/ayuda">lee</a>',
        "{{ customer.email }}",
        "{% for a in (1..20) %}.{% endfor %}",
    ],
)
def test_what_may_be_missing_may_be_asked_about_or_given_a_default(new: str) -> None:
    assert len(laid_down(mail("{{ line.name }}", new)).published) == 3


def test_the_fault_says_what_was_probably_meant_and_what_to_do() -> None:
    (fault,) = refused(mail("{{ line.name }}", "{{ cart.totl }}"))
    assert fault.sentence == "“cart.totl” is nothing that a message knows; did you mean “cart.total”?"
    (fault,) = refused(mail("Hola", "Hola {{ customer.first_name }}"))
    assert "customer.first_name; not every customer has it: ask first" in fault.sentence


def test_both_languages_are_tried_and_every_fault_is_told() -> None:
    broken = MAIL.replace("{{ line.name }}", "{{ x }}").replace("Your basket", "{{ y }}")
    found = refused(GOOD | {"messages/hello.yaml": broken})
    assert [fault.place for fault in found] == ["messages/hello.yaml:9", "messages/hello.yaml:15"]


def test_what_a_message_may_show_follows_from_why_it_is_sent() -> None:
    seen = JOURNEY.replace("cart_left", "event_seen")
    assert only(GOOD | {"journeys/hello.yaml": seen}) == ("template_variable_unknown", "messages/hello.yaml:8")
    asked = MAIL.replace("{% for", "{% if cart %}{% for").replace("{% endfor %}", "{% endfor %}{% endif %}")
    assert laid_down(GOOD | {"journeys/hello.yaml": seen, "messages/hello.yaml": asked}).published


def test_a_journey_that_begins_to_send_an_old_message_is_tried_with_it() -> None:
    later = JOURNEY.replace("journey: hello", "journey: later").replace("cart_left", "event_seen")
    assert only(GOOD, {"journeys/later.yaml": later}) == ("template_variable_unknown", "journeys/later.yaml:5")


def test_a_message_that_nobody_sends_yet_is_tried_with_everything_that_might_send_it() -> None:
    assert laid_down({"messages/hello.yaml": MAIL}).published
    assert only({"messages/hello.yaml": MAIL.replace("line.name", "line.nmae")})[0] == "template_variable_unknown"


def test_a_policy_that_takes_an_address_away_from_a_message_in_force_is_refused() -> None:
    help_link = mail("{{ links.cart }}", "{{ brand.shop_url }}")
    without = POLICY.replace("  shop_url: https://norte.example\n", "")
    (fault,) = refused(help_link, {"policy.yaml": without})
    assert (fault.code, fault.place) == ("template_link_nowhere", "policy.yaml")
    assert "“hello”" in fault.sentence


def test_a_workspace_that_never_named_its_languages_needs_one_of_them() -> None:
    spanish = MAIL[: MAIL.index("  en:")]
    unnamed = POLICY.replace("  languages: [es, en]\n", "")
    assert laid_down({"policy.yaml": unnamed, "messages/hello.yaml": spanish}).published
    french = spanish.replace("  es:", "  fr:")
    assert only({"messages/hello.yaml": french}) == ("message_language_missing", "messages/hello.yaml:4")


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("{{ cart.lines.size }}", "{{ cart.lines.sise }}", "template_variable_unknown", 9),
        ("{{ message.id }}", "{{ message.number }}", "template_variable_unknown", 8),
        ("{{ message.id }}", "{{ customer.first_name | money: 'EUR' }}", "template_filter", 8),
    ],
)
def test_a_payload_is_tried_text_by_text(old: str, new: str, code: str, line: int) -> None:
    hook = {"journeys/hello.yaml": JOURNEY.replace("email", "webhook"), "messages/hello.yaml": HOOK.replace(old, new)}
    assert only(GOOD | hook) == (code, f"messages/hello.yaml:{line}")


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("#0d4450", "#fdfdfd", "brand_contrast", 9),
        ("    brand: ", "    bland: ", "brand_token_unknown", 9),
        ("#0d4450", "petrol", "brand_token_malformed", 9),
        ("https://norte.example", "norte.example", "brand_address", 7),
        ("https://norte.example", "javascript:alert(1)", "brand_address", 7),
    ],
)
def test_a_brand_that_cannot_be_read_is_refused_by_its_line(old: str, new: str, code: str, line: int) -> None:
    assert old in POLICY
    assert only({"policy.yaml": POLICY.replace(old, new)}) == (code, f"policy.yaml:{line}")


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("send: hello", "send: helo", "message_unknown", 5),
        ("channel: email", "channel: webhook", "message_channel", 6),
        ("channel: email", "channel: pigeon", "word_unknown", 6),
        ("journey: hello", "journey: hello\nversion: 2\nactive: false", "journey_version_old", 2),
        ("Product Added", "Product Viewed", "journey_version_taken", 1),
    ],
)
def test_a_journey_that_does_not_fit_names_its_line(old: str, new: str, code: str, line: int) -> None:
    before = GOOD
    if code == "journey_version_old":
        before, changed = GOOD | {"journeys/hello.yaml": JOURNEY.replace(old, "journey: hello\nversion: 3")}, JOURNEY.replace(old, new)
    else:
        raised = "" if code == "journey_version_taken" else "version: 2\n"
        changed = JOURNEY.replace(old, new) + raised
    assert only(before, {"journeys/hello.yaml": changed}) == (code, f"journeys/hello.yaml:{line}")


@pytest.mark.parametrize("purpose", ["service", "marketing"])
def test_a_step_may_not_send_for_another_purpose_than_its_message_is_written_for(purpose: str) -> None:
    other = {"service": "marketing", "marketing": "service"}[purpose]
    journey = JOURNEY.replace("    because:", f"    purpose: {purpose}\n    because:")
    written = MAIL.replace("channel: email", f"channel: email\npurpose: {other}")
    assert only(GOOD | {"journeys/hello.yaml": journey, "messages/hello.yaml": written}) == ("message_purpose", "journeys/hello.yaml:7")


def test_a_message_may_not_become_a_service_under_a_journey_that_promotes_with_it() -> None:
    changed = MAIL.replace("channel: email", "channel: email\npurpose: service")
    assert only(GOOD, {"messages/hello.yaml": changed}) == ("message_purpose", "messages/hello.yaml:3")


def test_the_same_thing_in_two_files_is_named_where_it_stands() -> None:
    assert only(GOOD | {"messages/salut.yaml": MAIL}) == ("definition_twice", "messages/salut.yaml:1")


def test_nothing_of_what_is_refused_is_published() -> None:
    async def story() -> None:
        workspaces = MemoryWorkspaces(MemoryWorld())
        opened = await open_workspace(
            "Tienda Norte", timezone="Europe/Madrid", locale="es-ES", sandbox=True, workspaces=workspaces, chance=secrets.token_bytes
        )
        number = opened.workspace.workspace
        with pytest.raises(SeveralFaults):
            await apply(mail("{{ line.name }}", "{{ x }}"), workspace=number, workspaces=workspaces, compiler=Mrml())
        assert await workspaces.definitions(number) == []

    asyncio.run(asyncio.wait_for(story(), 300))


def test_the_shipped_mail_passes_its_rehearsal() -> None:
    play = (files("oportuno") / "plays/abandoned-cart.yaml").read_text(encoding="utf-8")
    assert laid_down({"policy.yaml": POLICY, "journeys/cart.yaml": play, "messages/cart.yaml": CART_MAIL}).published


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_evidence_has_customers_to_try_it_out_on(kind: str) -> None:
    pair = stand_ins(kind, "", channel="email", shop="https://norte.example", currency="EUR")
    assert [each.known for each in pair] == [True, False]
