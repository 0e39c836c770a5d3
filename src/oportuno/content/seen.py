"""What a template may see of a customer: who they are and how to address them, and their traits only with their yes to personalisation."""

from __future__ import annotations

from typing import Any

from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core, Traits

_SHOWN = ("first_name", "last_name", "name", "email", "phone", "country")


def seen(draft: Draft) -> dict[str, Any]:
    """Give the customer as the template's ``customer``. What is not known is not there at all, so that a template cannot print it."""
    core = draft.read(Core).traits
    shown: dict[str, Any] = {name: core[name].value for name in _SHOWN if name in core and core[name].value}
    if draft.may(Traits):
        shown["traits"] = {name: register.value for name, register in draft.read(Traits).values.items() if register.value is not None}
    return shown


def locale_of(draft: Draft) -> str | None:
    """Give the customer's locale as they or their device said it; None when unknown."""
    register = draft.read(Core).traits.get("locale")
    return str(register.value) if register is not None and register.value else None


def zone_of_customer(draft: Draft) -> str | None:
    """Give the customer's time zone by its IANA name; None when unknown."""
    register = draft.read(Core).traits.get("timezone")
    return str(register.value) if register is not None and register.value else None
