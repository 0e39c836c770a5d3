"""A journey is written by people: what is right is read exactly, what is wrong is named with its line and what was probably meant."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.journeys.journey import Branch, End, Journey, Rule, Send, Step, Wait, WaitFor
from oportuno.journeys.read import read_journey, write_journey
from oportuno.journeys.read_rule import read_rule, write_rule
from oportuno.kit.faults import BadInput
from oportuno.kit.times import DAY, HOUR, MINUTE, SECOND
from oportuno.kit.yaml_lines import read_yaml, write_yaml
from oportuno.moments.evidence import KINDS
from oportuno.profile.purposes import Purpose

WELCOME_BACK = """\
journey: welcome-back
version: 2
names: {es: Bienvenida, en: Welcome back}
trigger: [Product Viewed, Cart Viewed]
filter:
  all:
    - {field: cart.count, at_least: 1}
    - not: {field: event.category, in: [gift, 5, true]}
    - {field: trait.country, exists: true}
steps:
  - {id: breathe, wait: 1h30m}
  - id: hope
    wait_for: [Order Completed]
    timeout: 2d
    restart_on: Cart Viewed
    then: thanks
  - {id: rich, branch: {field: cart.total, at_least: 49.5}, then: remind, otherwise: stop}
  - id: remind
    send: abandoned-cart
    channel: email
    because: cart_left
    expires: 24h
    topic: cart
  - {id: stop, end: true}
  - {id: thanks, send: thank-you, channel: webhook, purpose: service, because: event_seen, expires: 1h, cost: 2, worth: 3.5}
goal: Checkout Started
exit: [Cart Shared]
reentry: 7d
on_publish: move
moves: {old-remind: remind}
"""


def test_a_journey_is_read_word_for_word() -> None:
    assert read_journey(WELCOME_BACK) == Journey(
        key="welcome-back",
        version=2,
        names={"es": "Bienvenida", "en": "Welcome back"},
        trigger=("Product Viewed", "Cart Viewed"),
        filter=Rule(
            op="all",
            rules=(
                Rule(op="at_least", field="cart.count", value=1),
                Rule(op="not", rules=(Rule(op="in", field="event.category", value=["gift", 5, True]),)),
                Rule(op="exists", field="trait.country", value=True),
            ),
        ),
        steps=(
            Wait(id="breathe", length=90 * MINUTE),
            WaitFor(id="hope", events=("Order Completed",), timeout=2 * DAY, restart_on=("Cart Viewed",), then="thanks"),
            Branch(id="rich", rule=Rule(op="at_least", field="cart.total", value=49.5), then="remind", otherwise="stop"),
            Send(id="remind", message="abandoned-cart", channel="email", because="cart_left", expires=24 * HOUR, topic="cart"),
            End(id="stop"),
            Send(
                id="thanks",
                message="thank-you",
                channel="webhook",
                purpose=Purpose.SERVICE,
                because="event_seen",
                expires=HOUR,
                cost=2,
                worth=3.5,
            ),
        ),
        goal=("Checkout Started",),
        exits=("Cart Shared",),
        reentry=7 * DAY,
        on_publish="move",
        moves={"old-remind": "remind"},
    )


@pytest.mark.parametrize(
    ("slip", "instead", "code", "line", "hint"),
    [
        ("trigger:", "triger:", "word_unknown", 4, "did you mean “trigger”?"),
        ("wait: 1h30m", "wait: soon", "duration_malformed", 11, "7d"),
        ("wait: 1h30m", "wait: 10ms", "duration_unfit", 11, "1s"),
        ("wait: 1h30m", "wait: 1h30m, send: x", "step_unfit", 11, "exactly one"),
        ("wait: 1h30m", "wait: 1h30m, then: stop", "step_unfit", 11, "does not go with"),
        ("id: breathe, ", "", "word_missing", 11, "“id”"),
        ("id: breathe", "id: hope", "named_twice", 12, "hope"),
        ("id: breathe", "id: Big Breath", "key_unfit", 11, "hyphens"),
        ("then: thanks", "then: thank", "step_unknown", 16, "did you mean “thanks”?"),
        ("otherwise: stop", "otherwise: nowhere-at-all", "step_unknown", 17, "no step"),
        ("otherwise: stop", "otherwise: rich", "loop_endless", 17, "without ever waiting"),
        ("    expires: 24h\n", "", "word_missing", 18, "“expires”"),
        ("    expires: 24h\n", "    expires: 31d\n", "duration_unfit", 22, "30d"),
        ("because: cart_left", "because: cart_lost", "word_unknown", 21, "cart_left"),
        ("channel: email", "channel: mail", "word_unknown", 20, "email"),
        ("purpose: service", "purpose: measurement", "word_unknown", 25, "service"),
        ("field: cart.count", "field: cart.cuont", "field_unknown", 7, "cart.count"),
        ("at_least: 1}", "at_least: many}", "number_unfit", 7, "number"),
        ("in: [gift, 5, true]", "in: gift", "rule_unfit", 8, "list"),
        ("exists: true", "exists: true, is: 5", "rule_unfit", 9, "exactly one"),
        ("reentry: 7d", "reentry: sometimes", "duration_malformed", 28, "7d"),
        ("on_publish: move", "on_publish: moved", "word_unknown", 29, "move"),
        ("old-remind: remind", "old-remind: gone", "step_unknown", 30, "gone"),
        ("exit: [Cart Shared]", "exit: [Checkout Started]", "named_twice", 27, "goal and exit"),
        ("restart_on: Cart Viewed", "restart_on: Order Completed", "step_unfit", 15, "start it anew"),
        ("  - {id: stop, end: true}", "  - {id: stop, end: true}\n  - {id: island, end: true}", "step_unreachable", 25, "island"),
        ("journey: welcome-back", "journey: &me welcome-back", "yaml_alias", 1, "aliases"),
        ("version: 2", "version: two", "number_unfit", 2, "whole number"),
        ("version: 2", "version: !!python/name:os.system x", "yaml_tag", 2, "tags"),
        ("version: 2", "version: 2\nversion: 3", "named_twice", 3, "twice"),
        ("version: 2", "version: [2", "yaml_malformed", 3, "not YAML"),
        ("[Product Viewed, Cart Viewed]", "[Product Viewed, Product Viewed]", "named_twice", 4, "Product Viewed"),
        ("[Product Viewed, Cart Viewed]", "[]", "list_expected", 4, "at least one"),
    ],
)
def test_a_slip_is_named_with_its_line_and_what_was_meant(slip: str, instead: str, code: str, line: int, hint: str) -> None:
    assert WELCOME_BACK.count(slip) >= 1
    with pytest.raises(BadInput) as caught:
        read_journey(WELCOME_BACK.replace(slip, instead, 1))
    assert (caught.value.code, caught.value.place) == (code, f"line {line}")
    assert hint in caught.value.sentence


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "document_empty"),
        ("# nothing\n", "document_empty"),
        ("just words", "mapping_expected"),
        ("- a list", "mapping_expected"),
        ("journey: x\n---\njourney: y", "yaml_malformed"),
        ("journey: \x07bell", "yaml_malformed"),
        ('journey: "\\UFFFFFFFF"', "yaml_malformed"),
        ('journey: "\\0"\ntrigger: x\nsteps: [{id: a, end: true}]', "text_unfit"),
        ("a: " + "[" * 500, "yaml_too_deep"),
        ("a: " + "{a: " * 5000, "yaml_too_deep"),
        ("x" * 600_000, "document_too_long"),
        ("a: &a [x]\nb: [*a, *a]", "yaml_alias"),
        ("? [a, b]\n: c", "key_unfit"),
        ("journey: 5\ntrigger: x\nsteps: []", "steps_unfit"),
        ("journey: {a: b}\ntrigger: x\nsteps: [{id: a, end: true}]", "text_expected"),
        ("journey: x\ntrigger:\nsteps: [{id: a, end: true}]", "text_missing"),
    ],
)
def test_whatever_else_is_sent_is_refused_with_a_code_and_never_more(text: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_journey(text)
    assert caught.value.code == code
    assert caught.value.place.startswith("line ")


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_at_all_is_a_journey_or_a_named_fault(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_journey(text)
    assert caught.value.place.startswith("line ")


@given(st.integers(0, len(WELCOME_BACK)), st.text(alphabet="abc:{}[]-&*!|>'\"# \n\t,0", max_size=6), st.integers(0, 12))
@settings(max_examples=250, deadline=None)
def test_a_journey_scribbled_over_is_still_a_journey_or_a_named_fault(place: int, scribble: str, lost: int) -> None:
    with suppress(BadInput):
        journey = read_journey(WELCOME_BACK[:place] + scribble + WELCOME_BACK[place + lost :])
        assert read_journey(write_journey(journey)) == journey


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
keys = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?", fullmatch=True)
values = st.one_of(words, st.just("12"), st.just("yes"), st.just("~"), st.just("1e3"), st.booleans(), st.integers(-(10**15), 10**15))
leaves = st.one_of(
    st.builds(Rule, op=st.just("is"), field=words.map("event.".__add__), value=values),
    st.builds(Rule, op=st.just("in"), field=words.map("trait.".__add__), value=st.lists(values, min_size=1, max_size=3)),
    st.builds(
        Rule,
        op=st.sampled_from(["at_least", "at_most"]),
        field=st.sampled_from(["cart.count", "cart.total", "orders.count"]),
        value=st.one_of(st.integers(-(10**14), 10**14), st.floats(-1e14, 1e14)),
    ),
    st.builds(Rule, op=st.just("exists"), field=st.just("cart.currency"), value=st.booleans()),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Rule, op=st.sampled_from(["all", "any"]), rules=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Rule, op=st.just("not"), rules=inner.map(lambda rule: (rule,))),
    ),
    max_leaves=6,
)
lengths = st.integers(SECOND, 400 * DAY)
events = st.lists(words, min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    ids = draw(st.lists(keys, min_size=1, max_size=6, unique=True))
    steps: list[Step] = []
    for place, name in enumerate(ids):
        later = [*ids[place + 1 :], ids[-1]]
        heard = draw(st.lists(words, min_size=2, max_size=4, unique=True))
        waiting = draw(st.sampled_from(["", *ids[place + 1 :]]))
        steps.append(
            draw(
                st.one_of(
                    st.builds(Wait, id=st.just(name), length=lengths),
                    st.just(WaitFor(id=name, events=tuple(heard[:1]), timeout=draw(lengths), restart_on=tuple(heard[1:]), then=waiting)),
                    st.builds(
                        Send,
                        id=st.just(name),
                        message=keys,
                        channel=st.sampled_from(["email", "webhook"]),
                        purpose=st.sampled_from([Purpose.MARKETING, Purpose.SERVICE]),
                        topic=st.one_of(st.just(""), words),
                        expires=st.integers(SECOND, 30 * DAY),
                        because=st.sampled_from(sorted(KINDS)),
                        cost=st.integers(1, 100),
                        worth=st.floats(0, 1e9),
                    ),
                    *([st.builds(Branch, id=st.just(name), rule=rules, then=st.sampled_from(later))] if place < len(ids) - 1 else []),
                )
            )
        )
    return Journey(
        key=draw(keys),
        version=draw(st.integers(1, 2**31 - 1)),
        names=draw(st.dictionaries(st.sampled_from(["es", "en", "no"]), words)),
        trigger=draw(events),
        filter=draw(st.one_of(st.none(), rules)),
        steps=tuple(steps),
        goal=tuple("goal " + name for name in draw(events)),
        exits=tuple("exit " + name for name in draw(events)),
        reentry=draw(st.one_of(st.none(), st.just(0), lengths)),
        active=draw(st.booleans()),
        on_publish=draw(st.sampled_from(["finish_old", "move"])),
        moves=draw(st.dictionaries(words, st.sampled_from(ids), max_size=2)),
    )


@given(journeys())
@settings(max_examples=40, deadline=None)
def test_what_is_exported_is_read_back_the_same(journey: Journey) -> None:
    assert read_journey(write_journey(journey)) == journey


@given(rules)
@settings(max_examples=150, deadline=None)
def test_a_rule_is_read_back_the_same(rule: Rule) -> None:
    assert read_rule(read_yaml(write_yaml(write_rule(rule)))) == rule


def test_the_abandoned_cart_play_is_as_it_is_described() -> None:
    play = read_journey((files("oportuno") / "plays" / "abandoned-cart.yaml").read_text(encoding="utf-8"))
    let_them_be, offer = play.steps
    assert isinstance(let_them_be, WaitFor)
    assert isinstance(offer, Send)
    assert let_them_be.timeout == 30 * MINUTE
    assert set(play.trigger) <= set(let_them_be.restart_on)
    assert (offer.because, offer.expires, offer.channel, offer.message) == ("cart_left", 24 * HOUR, "email", "abandoned-cart")
    assert (play.goal, play.reentry) == (("Order Completed",), 7 * DAY)
    assert set(play.names) == {"es", "en"}
