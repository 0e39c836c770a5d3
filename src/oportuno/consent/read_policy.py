"""Reading and writing what a workspace lays down for everybody: the rules of the gate, and beside them how the brand signs."""

from __future__ import annotations

import re
from typing import Any, Final

from oportuno.attention.ledger import Limit
from oportuno.catalog.product import ChangeKind
from oportuno.channels.warm_up import WarmUp
from oportuno.consent.policy import Policy
from oportuno.consent.reach import SOFT_AT_MOST, Patience
from oportuno.kit.times import DAY, HOUR, MINUTE, SECOND, Millis, day_of, parse_moment, to_text
from oportuno.kit.yaml_lines import Part, nearest, read_yaml, write_duration, write_yaml
from oportuno.profile.zones import ZONES, ZONES_OF

_POLICY: Final = (
    *("limits", "quiet", "timezone", "country", "currency"),
    *("holdout", "freshness", "news", "interest_half_life", "confirm", "soft_bounces", "languages", "warm_up", "sandbox"),
)
_FIELDS: Final = {"soft_bounces": "patience"}
"""Words of the file that are called otherwise inside."""
_NEWS: Final = tuple(kind.name.lower() for kind in ChangeKind)
_BRAND: Final = ("name", "legal", "sender", "reply_to", "shop_url", "cart_url", "mark_url", "privacy_url")
_LONGEST: Final[Millis] = 400 * DAY
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_NO_QUIET: Final = (0, 0)
_LARGEST_HOLDOUT: Final = 50
_MOST_ASKED: Final = 10
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_OF_DAY: Final = 100_000_000
_LONGEST_WARM_UP: Final = 90
"""Days; whoever needs longer sends something that receivers do not want."""


def read_policy(text: str) -> tuple[Policy, dict[str, Any]]:
    """Read a policy file: the policy, and the brand as plain texts with `tokens` as a mapping of texts.

    Whatever the file leaves out keeps its default. Raises BadInput, with the line.
    """
    table = read_yaml(text).table(("policy", "brand"), needed=("policy",))
    brand = table.get("brand")
    return _policy(table.need("policy")), {} if brand is None else _brand(brand)


def write_policy(policy: Policy, brand: dict[str, Any]) -> str:
    """Write a policy file so that `read_policy` gives the same back."""
    start, end = policy.quiet
    out: dict[str, Any] = {
        "limits": [{"at_most": limit.at_most, "per": write_duration(limit.per)} for limit in policy.limits],
        "quiet": "none" if start == end else f"{_clock(start)}-{_clock(end)}",
        "timezone": policy.timezone,
    }
    if policy.country:
        out["country"] = policy.country
    out["currency"] = policy.currency
    out["holdout"] = {"percent": policy.holdout_percent, "salt": policy.holdout_salt}
    out["freshness"] = write_duration(policy.freshness)
    if policy.news:
        out["news"] = {kind: write_duration(length) for kind, length in policy.news.items()}
    out["interest_half_life"] = write_duration(policy.interest_half_life * DAY)
    asking = policy.confirm_limit
    out["confirm"] = {"within": write_duration(policy.confirm_within), "at_most": asking.at_most, "per": write_duration(asking.per)}
    if policy.patience != Patience():
        bearing = policy.patience
        out["soft_bounces"] = {"times": bearing.times, "within": write_duration(bearing.within), "days": bearing.days}
    out["languages"] = list(policy.languages)
    if policy.warm_up is not None:
        out["warm_up"] = {"starts": to_text(policy.warm_up.starts * DAY)[:10], "at_most": list(policy.warm_up.at_most)}
    out["sandbox"] = policy.sandbox
    signed = {word: value for word, value in brand.items() if value}
    return write_yaml({"policy": out, "brand": signed} if signed else {"policy": out})


def _policy(part: Part) -> Policy:
    table = part.table(_POLICY)
    found: dict[str, Any] = {}
    readers = {
        "limits": _limits,
        "quiet": _quiet,
        "timezone": _timezone,
        "country": _country,
        "currency": _currency,
        "freshness": lambda part: part.duration(SECOND, DAY),
        "news": _news,
        "interest_half_life": _half_life,
        "languages": _languages,
        "soft_bounces": _patience,
        "warm_up": _warm_up,
        "sandbox": Part.flag,
    }
    for word, reader in readers.items():
        value = table.get(word)
        if value is not None:
            found[_FIELDS.get(word, word)] = reader(value)
    holdout = table.get("holdout")
    if holdout is not None:
        share = holdout.table(("percent", "salt"), needed=("percent",))
        found["holdout_percent"] = share.need("percent").number(0, _LARGEST_HOLDOUT)
        salt = share.get("salt")
        if salt is not None:
            found["holdout_salt"] = salt.text(longest=60)
    confirm = table.get("confirm")
    return Policy(**found, **(_confirm(confirm) if confirm is not None else {}))


def _patience(part: Part) -> Patience:
    table, usual = part.table(("times", "within", "days")), Patience()
    times, within, days = table.get("times"), table.get("within"), table.get("days")
    return Patience(
        times=times.whole(2, SOFT_AT_MOST) if times is not None else usual.times,
        within=within.duration(DAY, _LONGEST) if within is not None else usual.within,
        days=days.whole(1, SOFT_AT_MOST) if days is not None else usual.days,
    )


def _confirm(part: Part) -> dict[str, Any]:
    table, usual = part.table(("within", "at_most", "per")), Policy().confirm_limit
    found: dict[str, Any] = {}
    within, at_most, per = table.get("within"), table.get("at_most"), table.get("per")
    if within is not None:
        found["confirm_within"] = within.duration(MINUTE, 30 * DAY)
    most = at_most.whole(0, _MOST_ASKED) if at_most is not None else usual.at_most
    found["confirm_limit"] = Limit(at_most=most, per=per.duration(HOUR, _LONGEST) if per is not None else usual.per)
    return found


def _news(part: Part) -> dict[str, Millis]:
    table = part.table(_NEWS)
    return {kind: value.duration(MINUTE, 30 * DAY) for kind in _NEWS if (value := table.get(kind)) is not None}


def _brand(part: Part) -> dict[str, Any]:
    table = part.table((*_BRAND, "tokens"))
    found: dict[str, Any] = {}
    for word in _BRAND:
        value = table.get(word)
        if value is not None:
            found[word] = value.text(longest=2_000)
    tokens = table.get("tokens")
    if tokens is not None:
        found["tokens"] = {name: value.text() for name, value in tokens.pairs()}
    return found


def _warm_up(part: Part) -> WarmUp:
    table = part.table(("starts", "at_most"), needed=("starts", "at_most"))
    starts = table.need("starts")
    first = parse_moment(f"{starts.text()}T00:00:00Z") if _DAY.fullmatch(starts.text()) else None
    if first is None:
        raise starts.fault("day_unfit", "the first day is written as year, month and day: 2026-12-01")
    days = [each.whole(0, _MOST_OF_DAY) for each in table.need("at_most").parts()]
    if not 0 < len(days) <= _LONGEST_WARM_UP:
        raise table.need("at_most").fault("warm_up_unfit", f"say for each day how many mails may leave, for 1 to {_LONGEST_WARM_UP} days")
    return WarmUp(starts=day_of(first), at_most=tuple(days))


def _limits(part: Part) -> tuple[Limit, ...]:
    limits = []
    for one in part.parts():
        table = one.table(("at_most", "per"), needed=("at_most", "per"))
        limits.append(Limit(at_most=table.need("at_most").whole(0, 1_000), per=table.need("per").duration(MINUTE, _LONGEST)))
    if not limits:
        raise part.fault("limits_missing", "at least one limit is needed: without one nobody would be protected from us")
    return tuple(limits)


def _quiet(part: Part) -> tuple[int, int]:
    text = part.text()
    if text == "none":
        return _NO_QUIET
    start, _, end = (piece.strip() for piece in text.partition("-"))
    times = [_CLOCK.fullmatch(start), _CLOCK.fullmatch(end)]
    minutes = [int(found[1]) * 60 + int(found[2]) for found in times if found is not None]
    if len(minutes) != len(times) or minutes[0] == minutes[1]:
        raise part.fault("quiet_unfit", "quiet hours are two different times such as 21:00-09:00, or none")
    return minutes[0], minutes[1]


def _timezone(part: Part) -> str:
    zone = part.text()
    if zone not in ZONES:
        near = nearest(zone, ZONES)
        raise part.fault("zone_unknown", f"“{zone[:60]}” is not a time zone" + (f"; did you mean “{near}”?" if near else ""))
    return zone


def _country(part: Part) -> str:
    country = part.text()
    if country not in ZONES_OF:
        raise part.fault("country_unknown", f"“{country[:20]}” is not a country code of two capitals such as ES")
    return country


def _currency(part: Part) -> str:
    currency = part.text()
    if not _CURRENCY.fullmatch(currency):
        raise part.fault("currency_unknown", f"“{currency[:20]}” is not a currency code of three capitals such as EUR")
    return currency


def _half_life(part: Part) -> int:
    return part.duration(DAY, 365 * DAY) // DAY


def _languages(part: Part) -> tuple[str, ...]:
    languages = part.texts()
    if not languages or any(not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", language) for language in languages):
        raise part.fault("language_unknown", "languages are codes such as es, en or es-MX, at least one")
    return languages


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
