"""A person's own page in the shop: their orders, what they saved, what the shop knows, and how often it may write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from httpx2 import HTTPError

from oportuno.catalog.product import Product as Sold
from oportuno.entry.demo.catalogue import sold
from oportuno.entry.demo.hear import ask_to_confirm, hear_facts, refuse
from oportuno.entry.demo.pages import day, money, number, say, words
from oportuno.entry.demo.shelves import AISLES, GIFT_AISLES
from oportuno.entry.demo.shop import shop_page, shown
from oportuno.entry.demo.stage import Stage, Visitor, form_of, go, visitor_of
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import parse_moment

CADENCES: Final = ("when_it_fits", "weekly", "monthly")
_ORDERS: Final = 5
_INTERESTS: Final = 4
_CONTACT: Final = frozenset({"email", "name", "locale", "timezone", "country"})
_INCOME: Final = re.compile(r"(Under )?(\d{1,3})(?:-(\d{1,3}))?K\+?")


def account_routes(stage: Stage) -> APIRouter:
    """Give the routes of the page, without the prefix."""
    router = APIRouter()

    @router.get("/{language}/account")
    async def account(request: Request, language: str, said: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        known = await _known(stage, visitor.person.key) if visitor.person.key else ({}, {})
        facts = _facts(stage, visitor, *known, shelf=await sold(stage))
        told = say(language, f"account_said_{said}") if said in {"cadence", "stopped", "asked"} else ""
        return shop_page(stage, visitor, "account", {**facts, "said": told, **hear_facts(visitor, request)}, event="account")

    @router.post("/{language}/account")
    async def change(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        form = await form_of(request)
        user, wished = visitor.person.key, form.get("do", "")
        if not user:
            return go(language, "/account")
        if wished == "cadence" and form.get("cadence") in CADENCES:
            await _wish(stage, user, form["cadence"], language)
        elif wished == "stopped":
            _taken(await refuse(stage, user, language, state="withdrawn"))
        elif wished == "asked":
            _taken(await ask_to_confirm(stage, user, language))
        return go(language, f"/account?said={wished}" if wished in {"cadence", "stopped", "asked"} else "/account")

    return router


async def _known(stage: Stage, user: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what the product knows of a person and what they wished, as any program with the key would ask; nothing of somebody new."""
    where = f"/api/v1/customers/{quote(user, safe='')}"
    try:
        profile, wishes = await stage.api.get(where), await stage.api.get(f"{where}/wishes")
    except HTTPError:
        return {}, {}
    return (profile.json()["profile"] if profile.is_success else {}), (wishes.json() if wishes.is_success else {})


async def _wish(stage: Stage, user: str, cadence: str, language: str) -> None:
    wish = {"cadence": cadence, "source": "account_page", "language": language, "actor": "customer"}
    answer = await stage.api.post(f"/api/v1/customers/{quote(user, safe='')}/wishes", json=wish)
    _taken(answer.is_success)


def _taken(taken: bool) -> None:
    if not taken:
        raise Unavailable("not_remembered", "this could not be stored now; try again in a moment")


def _facts(stage: Stage, visitor: Visitor, profile: dict[str, Any], wishes: dict[str, Any], *, shelf: Mapping[str, Sold]) -> dict[str, Any]:
    language = visitor.language
    answers = {place: answer["state"] for place, answer in wishes.get("answers", {}).items()}
    mail = answers.get("marketing/email", "")
    saved = [found for each in profile.get("wishlist", ()) if (found := stage.setting.product(str(each["product"]))) is not None]
    return {
        "person_key": visitor.person.key,
        "person_email": visitor.person.email,
        "mail_state": mail if mail in {"granted", "pending"} else "none",
        "mail_text": say(language, f"account_mail_{mail if mail in {'granted', 'pending'} else 'none'}"),
        "device_text": say(language, "account_device_yes" if answers.get("personalisation/*") == "granted" else "account_device_no"),
        "cadences": [
            {"key": key, "name": say(language, f"cadence_{key}"), "now": (wishes.get("cadence") or CADENCES[0]) == key} for key in CADENCES
        ],
        "orders": [_order(each, language) for each in profile.get("orders", {}).get("recent", ())[:_ORDERS]],
        "orders_text": say(language, "account_orders_n", n=number(profile.get("orders", {}).get("count", 0), language)),
        "saved": [shown(product, language, shelf) for product in saved],
        "said_of_self": _said(profile, language),
        "interests": _interests(stage, profile, language),
    }


def _order(order: dict[str, Any], language: str) -> dict[str, str]:
    at = parse_moment(order["at"]) or 0
    total = order["total"]
    pieces = len(order["products"])
    return {
        "when": day(at, language),
        "total": money(round(float(total["amount"]) * 100), language, total["currency"]),
        "pieces": say(language, "items_one") if pieces == 1 else say(language, "items_many", n=pieces),
        "store": say(language, "account_store", store=order["store"]) if order.get("store") else "",
    }


def _said(profile: dict[str, Any], language: str) -> list[dict[str, str]]:
    """Give what a person said of themselves beyond how to reach them, in the page's language where the data's own words are known."""
    known = words()[language]
    told = {name: str(value) for name, value in profile.get("traits", {}).items() if name not in _CONTACT}
    return [{"name": known.get(f"trait_{name}", name), "value": _value(told[name], language)} for name in sorted(told)]


def _value(value: str, language: str) -> str:
    """Write one of the survey's answers: a choice, an income in thousands of dollars, or a figure as it is."""
    income = _INCOME.fullmatch(value)
    if income is not None:
        under, low, high = income.groups()
        return say(language, "income_under" if under else "income_span" if high else "income_over", low=low, high=high)
    return words()[language].get(f"said_{value.lower().replace(' ', '_')}", value)


def _interests(stage: Stage, profile: dict[str, Any], language: str) -> list[str]:
    found = []
    aisles = {aisle.key: getattr(aisle, language) for aisle in (*AISLES, *GIFT_AISLES)}
    for each in profile.get("interests", ()):
        name = str(each.get("id") or each.get("key") or each.get("name") or "")
        product = stage.setting.product(name)
        if product is not None:
            found.append(product.names[language])
        elif name in aisles:
            found.append(aisles[name])
    return list(dict.fromkeys(found))[:_INTERESTS]
