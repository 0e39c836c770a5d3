"""Which way next, in whose name, how many today, and when complaints stop it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oportuno.channels.brake import Brake, Reputation, brake_of, group_of
from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.pace import Lanes, Pace
from oportuno.channels.warm_up import WarmUp, most_of_day, until_tomorrow
from oportuno.channels.ways import ALL_SIGNED, aligned, domain_of, next_way
from oportuno.kit.times import DAY, HOUR

MAIL = Lanes("provider smtp", "domain cliente.example", "workspace 7 email")


def test_the_first_way_that_does_not_rest_is_taken_and_of_resting_ones_the_one_that_is_back_first() -> None:
    assert next_way([False, False], [0.0, 0.0]) == 0
    assert next_way([True, False], [3.0, 0.0]) == 1
    assert next_way([True, True], [9.0, 2.0]) == 1
    assert next_way([False, False], [0.4, 0.0]) == 0


def test_a_way_rests_after_its_failure_and_while_one_tries_it_out_and_is_back_once_that_was_taken() -> None:
    pace = Pace()
    refused = Answer(outcome=Outcome.REFUSED_FOR_NOW, about="provider")
    assert pace.enter(MAIL, 0.0) == 0
    assert not pace.resting(MAIL.provider, 0.0)
    pace.hear(MAIL, refused, 0.0)
    assert pace.resting(MAIL.provider, 0.5)
    assert not pace.resting(MAIL.provider, 1.5)
    assert pace.enter(MAIL, 1.5) == 0
    assert pace.resting(MAIL.provider, 1.5)
    pace.hear(MAIL, Answer(outcome=Outcome.ACCEPTED), 1.6)
    assert not pace.resting(MAIL.provider, 1.6)


def test_a_server_that_falls_silent_three_times_rests_whoever_the_mail_was_for() -> None:
    pace, silent = Pace(), Answer(outcome=Outcome.UNKNOWN, about="provider")
    for place in range(3):
        lanes = MAIL._replace(destination=f"domain {place}.example")
        assert pace.enter(lanes, 0.0) == 0
        pace.hear(lanes, silent, 0.0)
    assert pace.resting(MAIL.provider, 0.1)
    other = Pace()
    for place in range(3):
        other.hear(Lanes("provider webhook", f"host {place}.example", ""), Answer(outcome=Outcome.UNKNOWN), 0.0)
    assert not other.resting("provider webhook", 0.1)


@pytest.mark.parametrize(
    ("domain", "signs", "speaks"),
    [
        ("tiendanorte.example", "tiendanorte.example", True),
        ("correo.tiendanorte.example", "tiendanorte.example", True),
        ("tiendanorte.example", "mail.TiendaNorte.example.", True),
        ("tiendanorte.example", "otra.example", False),
        ("malatiendanorte.example", "tiendanorte.example", False),
        ("tiendanorte.example", "example", False),
        ("tiendanorte.example", "", False),
        ("", "tiendanorte.example", False),
        ("", "", False),
        ("tiendanorte.example", ALL_SIGNED, True),
        ("correo.tiendanorte.example", "envios.tiendanorte.example", True),
        ("correo.tienda.co.uk", "envios.tienda.co.uk", True),
        ("tienda.co.uk", "otra.co.uk", False),
        ("tienda.co.uk", "co.uk", False),
        ("co.uk", "co.uk", False),
        ("tienda.com.ar", "otra.com.ar", False),
        ("ana.github.io", "bruno.github.io", False),
        ("mañana.es", "correo.xn--maana-pta.es", True),
        ("a..b.example", "a..b.example", False),
        ("x" * 64 + ".example", "x" * 64 + ".example", False),
    ],
)
def test_a_signature_speaks_for_a_sender_of_the_same_organisation_and_for_no_other(domain: str, signs: str, *, speaks: bool) -> None:
    assert aligned(domain, signs) is speaks


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("hola@tiendanorte.example", "tiendanorte.example"),
        ("Tienda Norte <hola@TiendaNorte.example>", "tiendanorte.example"),
        ('"Tienda @ Norte" <hola@tiendanorte.example>', "tiendanorte.example"),
        ("tiendanorte.example", ""),
        ("", ""),
    ],
)
def test_the_domain_of_a_sender_is_read_as_people_write_it(sender: str, domain: str) -> None:
    assert domain_of(sender) == domain


@pytest.mark.parametrize(
    ("accepted", "complaints", "brake"),
    [
        (10, 1, Brake.NONE),
        (1_000, 2, Brake.NONE),
        (3_001, 3, Brake.NONE),
        (3_000, 3, Brake.SLOW),
        (900, 4, Brake.SLOW),
        (1_600, 5, Brake.STOP),
        (1_700, 5, Brake.SLOW),
        (100_000, 299, Brake.SLOW),
        (100_000, 300, Brake.STOP),
        (0, 5, Brake.STOP),
        (0, 0, Brake.NONE),
    ],
)
def test_one_complaint_of_ten_stops_no_small_shop_and_three_in_a_thousand_stop_every_shop(
    accepted: int, complaints: int, brake: Brake
) -> None:
    assert brake_of(Reputation(accepted, complaints)) is brake


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(0, 10**4), st.integers(0, 10**6))
def test_more_complaints_never_hold_less_and_more_accepted_mail_never_holds_more(
    accepted: int, complaints: int, more: int, taken: int
) -> None:
    assert brake_of(Reputation(accepted, complaints + more)) >= brake_of(Reputation(accepted, complaints))
    assert brake_of(Reputation(accepted + taken, complaints)) <= brake_of(Reputation(accepted, complaints))


def test_a_group_of_receivers_never_tells_a_customer_s_own_domain() -> None:
    assert [group_of(address) for address in ("ana@gmail.com", "ana@hotmail.es", "Ana@Yahoo.ES", "ana@ana-garcia.example")] == [
        "gmail",
        "outlook",
        "yahoo",
        "other",
    ]


def test_a_new_domain_sends_nothing_before_its_first_day_then_more_each_day_and_at_last_without_limit() -> None:
    schedule = WarmUp(starts=20_000, at_most=(50, 100))
    start = 20_000 * DAY
    assert [most_of_day(schedule, start + hours * HOUR) for hours in (-1, 0, 23, 24, 47, 48)] == [0, 50, 50, 100, 100, None]
    assert most_of_day(None, start) is None


@given(st.integers(0, 40_000 * DAY))
def test_tomorrow_begins_within_a_day(now: int) -> None:
    assume(now >= 0)
    wait = until_tomorrow(now)
    assert 0 < wait <= DAY
    assert (now + wait) % DAY == 0
