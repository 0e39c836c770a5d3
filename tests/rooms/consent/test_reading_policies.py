"""What a shop lays down for everybody is read strictly; a slip of the pen is named with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.attention.ledger import Limit
from oportuno.consent.policy import Policy
from oportuno.consent.reach import Patience
from oportuno.consent.read_policy import read_policy, write_policy
from oportuno.kit.faults import BadInput
from oportuno.kit.times import DAY, MINUTE
from oportuno.profile.zones import ZONES, ZONES_OF

NORTE = """\
policy:
  limits:
    - {at_most: 1, per: 1d}
    - {at_most: 3, per: 7d}
  quiet: 21:00-09:00
  timezone: Europe/Madrid
  country: NO
  holdout: {percent: 5, salt: spring}
  freshness: 10m
  languages: [es, en]
brand:
  name: Tienda Norte
  sender: hola@tiendanorte.example
  tokens:
    accent: "#0b5"
"""


def test_the_shop_says_how_often_when_and_whom_to_leave_alone() -> None:
    policy, brand = read_policy(NORTE)
    assert policy == Policy(
        limits=(Limit(at_most=1, per=DAY), Limit(at_most=3, per=7 * DAY)),
        quiet=(21 * 60, 9 * 60),
        timezone="Europe/Madrid",
        country="NO",
        holdout_percent=5.0,
        holdout_salt="spring",
        freshness=10 * MINUTE,
        languages=("es", "en"),
    )
    assert brand == {"name": "Tienda Norte", "sender": "hola@tiendanorte.example", "tokens": {"accent": "#0b5"}}


@pytest.mark.parametrize(
    ("slip", "instead", "code", "line", "hint"),
    [
        ("Europe/Madrid", "Europe/Madird", "zone_unknown", 6, "Europe/Madrid"),
        ("country: NO", "country: Norway", "country_unknown", 7, "ES"),
        ("21:00-09:00", "25:00-09:00", "quiet_unfit", 5, "21:00-09:00"),
        ("21:00-09:00", "09:00-09:00", "quiet_unfit", 5, "none"),
        ("percent: 5", "percent: 55", "number_unfit", 8, "50"),
        ("freshness: 10m", "freshnes: 10m", "word_unknown", 9, "freshness"),
        ("per: 1d", "per: 1 fortnight", "duration_malformed", 3, "7d"),
        ("at_most: 1", "at_most: -1", "number_unfit", 3, "0"),
        ("[es, en]", "[Spanish]", "language_unknown", 10, "es-MX"),
        ("name: Tienda", "nombre: Tienda", "word_unknown", 12, "name"),
        ("{at_most: 1, per: 1d}", "{at_most: 1}", "word_missing", 3, "per"),
    ],
)
def test_a_slip_is_named_with_its_line_and_what_was_meant(slip: str, instead: str, code: str, line: int, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_policy(NORTE.replace(slip, instead, 1))
    assert (caught.value.code, caught.value.place) == (code, f"line {line}")
    assert hint in caught.value.sentence


def test_a_shop_without_any_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="at least one limit"):
        read_policy("policy:\n  limits: []\n")


def test_what_is_left_out_keeps_its_careful_default() -> None:
    policy, brand = read_policy("policy: {timezone: Europe/Madrid}\n")
    assert policy == Policy(timezone="Europe/Madrid")
    assert brand == {}


policies = st.builds(
    Policy,
    limits=st.lists(st.builds(Limit, at_most=st.integers(0, 50), per=st.integers(MINUTE, 400 * DAY)), min_size=1, max_size=4).map(tuple),
    quiet=st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda hours: hours[0] != hours[1])),
    timezone=st.sampled_from(sorted(ZONES)),
    country=st.sampled_from(["", *sorted(ZONES_OF)]),
    holdout_percent=st.floats(0, 50),
    holdout_salt=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20),
    freshness=st.integers(1_000, DAY),
    news=st.dictionaries(st.sampled_from(["price_dropped", "launched"]), st.integers(MINUTE, 30 * DAY), max_size=2),
    languages=st.lists(st.sampled_from(["es", "en", "no", "es-MX"]), min_size=1, unique=True).map(tuple),
    sandbox=st.booleans(),
    currency=st.sampled_from(["EUR", "JPY", "MXN"]),
)


@given(policies, st.fixed_dictionaries({}, optional={"name": st.sampled_from(["Tienda Norte", "yes", "1.0", "Ñandú: «12»"])}))
def test_what_is_written_is_read_back_the_same(policy: Policy, brand: dict[str, str]) -> None:
    assert read_policy(write_policy(policy, brand)) == (policy, brand)


def test_how_long_news_of_the_catalogue_may_be_told_is_laid_down_by_kind() -> None:
    assert read_policy("policy: {news: {price_dropped: 12h}}")[0].news == {"price_dropped": 12 * 60 * MINUTE}
    for wrong, code in (("{price_rises: 1h}", "word_unknown"), ("{launched: 31d}", "duration_unfit")):
        with pytest.raises(BadInput) as refused:
            read_policy(f"policy: {{news: {wrong}}}")
        assert refused.value.code == code


def test_the_currency_of_the_shop_is_three_capitals_and_euros_when_nothing_is_said() -> None:
    assert read_policy("policy: {currency: MXN}")[0].currency == "MXN"
    assert read_policy("policy: {sandbox: true}")[0].currency == "EUR"
    with pytest.raises(BadInput) as refused:
        read_policy("policy: {currency: euro}")
    assert refused.value.code == "currency_unknown"


def test_how_many_soft_bounces_are_borne_is_read_and_written() -> None:
    policy, _ = read_policy("policy:\n  soft_bounces: {times: 3, within: 10d}\n")
    assert policy.patience == Patience(times=3, within=10 * DAY, days=3)
    assert read_policy(write_policy(policy, {}))[0] == policy
    with pytest.raises(BadInput):
        read_policy("policy:\n  soft_bounces: {times: 21}\n")
