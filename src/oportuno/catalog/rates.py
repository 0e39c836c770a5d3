"""Other currencies through dated rates: where none holds, there is silence on value."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from oportuno.kit.money import exponent


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What one unit of a currency was worth on a day."""

    currency: str
    day: int
    """Days since 1970-01-01 (UTC)."""
    rate: Decimal
    """Units of the workspace's currency for one of this one."""


def in_currency(amount: int, currency: str, into: str, rates: Iterable[Rate], day: int) -> int | None:
    """Give an amount (minor units) in another currency by the latest rate up to `day`, rounded half-even once.

    None when no rate of the currency is that old: then nothing may be said of the value.
    """
    if currency == into:
        return amount
    held = max((each for each in rates if each.currency == currency and each.day <= day), key=lambda each: each.day, default=None)
    if held is None:
        return None
    worth = Decimal(amount).scaleb(-exponent(currency)) * held.rate
    return int(worth.scaleb(exponent(into)).to_integral_value(ROUND_HALF_EVEN))
