"""Money: integer minor units with a currency inside, Decimal at the doors, rounded once."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

import msgspec

from oportuno.kit.faults import BadInput

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}
_CEILING: Final = 10**15
_CODE_LETTERS: Final = 3


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in one currency."""

    minor: int
    """The amount in minor units (cents); may be negative for refunds."""
    currency: str
    """ISO 4217 code in capitals."""


def exponent(currency: str) -> int:
    """Give how many decimal places the currency has."""
    return _EXPONENTS.get(currency, 2)


def read_money(amount: float | int | str | Decimal, currency: str) -> Money:
    """Make money from what a client sent, rounded half-even to the minor unit.

    Raises BadInput on anything that is not a finite amount under 10^15 minor units, or on a currency that is not three letters.
    """
    code = currency.upper()
    if len(code) != _CODE_LETTERS or not code.isascii() or not code.isalpha():
        raise BadInput("currency_unknown", f"“{currency[:16]}” is not an ISO 4217 currency code")
    try:
        decimal = Decimal(str(amount))
        minor = int(decimal.scaleb(exponent(code)).to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError) as fault:
        raise BadInput("amount_malformed", f"“{str(amount)[:32]}” is not an amount of money") from fault
    if abs(minor) >= _CEILING:
        raise BadInput("amount_out_of_range", "the amount is too large to be a price")
    return Money(minor=minor, currency=code)


def to_decimal(money: Money) -> Decimal:
    """Give the amount as a Decimal in major units."""
    return Decimal(money.minor).scaleb(-exponent(money.currency))
