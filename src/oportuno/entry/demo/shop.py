"""The shop: a list, a product, a basket, an order; who is looking, and what they answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from oportuno.catalog.product import Product as Sold
from oportuno.entry.demo.basket import Basket
from oportuno.entry.demo.catalogue import asked_for, name_in, sold
from oportuno.entry.demo.complete_journey import CompleteJourney
from oportuno.entry.demo.hear import hear_facts
from oportuno.entry.demo.history import Product
from oportuno.entry.demo.online_retail import OnlineRetail
from oportuno.entry.demo.pages import clock, day, money, number, say
from oportuno.entry.demo.restore import Restored, restored
from oportuno.entry.demo.server_side import ASKED, facts_of, line_of, order_of, tell, tell_of_change
from oportuno.entry.demo.shelves import aisle_named, aisles_of
from oportuno.entry.demo.stage import FRESH_COOKIE, Stage, Visitor, form_of, go, keep, keep_basket, page, visitor_of, walk_on
from oportuno.kit.times import Millis

_EMPTY: Final[Mapping[str, Sold]] = {}


def shop_routes(stage: Stage) -> APIRouter:
    """Give the shop's routes, without the prefix."""
    router = APIRouter()
    router.include_router(_product_routes(stage))
    router.include_router(_basket_routes(stage))

    @router.get("/{language}")
    async def shelves(request: Request, language: str, aisle: str = "", q: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        shelf = await sold(stage)
        return shop_page(stage, visitor, "list", list_facts(stage, visitor, aisle, q.strip()[:80], shelf), event="list", shelf=shelf)

    @router.get("/{language}/thanks")
    async def thanks(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        lead = [say(language, "thanks_lead"), say(language, "thanks_help", n=stage.setting.wait_seconds)]
        return plain(stage, visitor, "thanks_title", lead, button="thanks_button", to=f"/demo/{language}/live")

    @router.get("/{language}/answers")
    async def answers(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        return plain(stage, visitor, "answers_title", [say(language, "answers_lead")], doors=True)

    @router.get("/{language}/terms")
    async def terms(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        return plain(stage, visitor, "terms_title", [terms_of(stage.setting.data)[language], counts(stage, language)])

    return router


def _product_routes(stage: Stage) -> APIRouter:
    router = APIRouter()

    @router.get("/{language}/p/{product_id}")
    async def product(request: Request, language: str, product_id: str, told: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        found = stage.setting.product(product_id)
        if found is None:
            return missing(stage, visitor)
        shelf = await sold(stage)
        facts = {
            "product": shown(found, language, shelf),
            "current_aisle": found.aisle,
            "lowest_text": _lowest_text(shelf.get(found.id), language, stage.setting.currency),
            "me_email": visitor.email,
            "told": say(language, f"tell_{told}") if told in {*ASKED, "first"} else "",
            **hear_facts(visitor, request),
        }
        return shop_page(stage, visitor, "product", facts, event="product", product=found, shelf=shelf)

    @router.post("/{language}/tell")
    async def wish(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        form = await form_of(request)
        found, what = stage.setting.product(form.get("product", "")), form.get("do", "")
        if found is None or what not in ASKED:
            return go(language, "")
        # Asked for in so many words, so it is told after a «no» to remembering too, of whoever said who they are.
        if "told" not in form:
            if not visitor.person.key:
                return go(language, f"/p/{found.id}?told=first#tell")
            await tell(stage, visitor.person.key, ASKED[what], await line_of(stage, found, language, 1))
        return go(language, form["back"] if form.get("back") else f"/p/{found.id}?told={what}#tell")

    @router.get("/{language}/help/{product_id}")
    async def helped(request: Request, language: str, product_id: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        found = stage.setting.product(product_id)
        if found is None:
            return missing(stage, visitor)
        lines = [say(language, f"help_{found.aisle}_{number}") for number in (1, 2, 3)]
        title = say(language, "help_title", name=found.names[language])
        return shop_page(stage, visitor, "help", {"title": title, "lines": lines, "product": shown(found, language, {})})

    return router


def _basket_routes(stage: Stage) -> APIRouter:
    router = APIRouter()

    @router.get("/{language}/cart")
    async def cart(request: Request, language: str, oportuno_cart: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        back = await restored(stage, oportuno_cart) if oportuno_cart else None
        shelf = await sold(stage)
        return shop_page(
            stage, visitor, "cart", await cart_facts(stage, visitor, request, back, shelf), event="cart", back=back, shelf=shelf
        )

    @router.post("/{language}/cart")
    async def change(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        form = await form_of(request)
        back = await restored(stage, form.get("oportuno_cart", "")) if form.get("oportuno_cart") else None
        basket = back.basket if back is not None and back.basket.lines else visitor.basket
        product = stage.setting.product(form.get("product", ""))
        if product is not None:
            before, basket = basket, basket.changed(product.id, form.get("do", ""), now=await stage.reads.now())
            if "told" not in form:
                await tell_of_change(stage, visitor, product, form.get("do", ""), before, basket)
        answer = go(language, form.get("back", "/cart"))
        keep_basket(answer, basket)
        walk_on(answer, visitor, 2, 6)
        return answer

    @router.post("/{language}/order")
    async def order(request: Request, language: str) -> Response:
        form, visitor = await form_of(request), visitor_of(request, language, stage.setting)
        basket = visitor.basket
        if "told" not in form and visitor.person.key and basket.lines:
            await tell(stage, visitor.person.key, "Order Completed", await order_of(stage, basket, language))
        # The help with it comes in the language in which it was bought.
        await name_in(stage, [found for key in basket.lines if (found := stage.setting.product(key)) is not None], language)
        answer = go(language, "/thanks")
        keep_basket(answer, Basket())
        return answer

    return router


def list_facts(stage: Stage, visitor: Visitor, aisle: str, q: str, shelf: Mapping[str, Sold]) -> dict[str, Any]:
    """Say what the list shows: an aisle, what a search found, or everything."""
    language = visitor.language
    current = next((known for known in aisles_of(stage.setting.data) if known.key == aisle), None)
    found = [product for product in stage.setting.products if (current is None or product.aisle == current.key) and _matches(product, q)]
    heading = getattr(current, language) if current is not None else say(language, "gift_title" if _sells_gifts(stage) else "shop_title")
    if q:
        heading = say(language, "search_found", q=q)
    return {
        "products": [shown(product, language, shelf) for product in found],
        "current_aisle": current.key if current else "",
        "q": q,
        "heading": heading,
        "hero": not q and current is None,
        "hero_picture": "hero-gift.svg" if _sells_gifts(stage) else "hero.svg",
        "hero_lines": say(language, "hero_title").split("¦"),
    }


def _sells_gifts(stage: Stage) -> bool:
    return stage.setting.data == OnlineRetail.key


def _matches(product: Product, q: str) -> bool:
    return not q or any(q.casefold() in name.casefold() for name in product.names.values())


async def cart_facts(stage: Stage, visitor: Visitor, request: Request, back: Restored | None, shelf: Mapping[str, Sold]) -> dict[str, Any]:
    """Say what lies in the basket, and until when it is kept."""
    language, now = visitor.language, await stage.reads.now()
    basket = back.basket if back is not None and back.basket.lines else visitor.basket
    lines = [
        {
            "product": shown(product, language, shelf),
            "quantity": count,
            "sum": (back.price_of(product) if back else asked_for(product, shelf)) * count,
        }
        for product, count in ((stage.setting.product(key), count) for key, count in basket.lines.items())
        if product is not None
    ]
    return {
        "lines": lines,
        "total": sum(line["sum"] for line in lines),
        "items_text": say(language, "items_one") if basket.pieces == 1 else say(language, "items_many", n=basket.pieces),
        "notice": _notice(language, basket, back, now),
        "token": back.token if back is not None and back.basket.lines else "",
        **hear_facts(visitor, request),
    }


def _notice(language: str, basket: Basket, back: Restored | None, now: Millis) -> str:
    if back is not None and not back.basket.lines:
        return say(language, "cart_link_bad")
    kept = basket.held_until > now
    if back is not None:
        held = say(language, "cart_restored_held", time=clock(basket.held_until, language)) if kept else ""
        over = say(language, "cart_restored_over") if basket.held_until and not kept else ""
        return f"{say(language, 'cart_restored')} {held or over}".strip()
    return say(language, "cart_held", time=clock(basket.held_until, language)) if kept and basket.lines else ""


def _lowest_text(found: Sold | None, language: str, currency: str) -> str:
    lowest = found.lowest if found is not None else None
    return say(language, "lowest_was", price=money(lowest, language, currency)) if lowest is not None else ""


def shown(product: Product, language: str, shelf: Mapping[str, Sold]) -> dict[str, Any]:
    """Give a product as a page shows it, at the catalogue's price."""
    found = shelf.get(product.id, Sold(id=product.id))
    was = found.was if found.was is not None and found.price is not None and found.was > found.price else None
    aisle = aisle_named(product.aisle)
    return {
        "id": product.id,
        "aisle": product.aisle,
        "aisle_name": getattr(aisle, language),
        "drawing": product.drawing,
        "name": product.names[language],
        "size": product.sizes.get(language, ""),
        "price": asked_for(product, shelf),
        "was": was,
        "lowest": found.lowest if was is not None else None,
        "house": product.house,
        "baskets_text": number(product.baskets, language),
    }


def shop_page(
    stage: Stage,
    visitor: Visitor,
    name: str,
    facts: dict[str, Any],
    *,
    event: str = "",
    product: Product | None = None,
    back: Restored | None = None,
    shelf: Mapping[str, Sold] = _EMPTY,
) -> HTMLResponse:
    """Write a page of the shop: its head and foot, the question about remembering, and what its script may say."""
    basket = back.basket if back is not None and back.basket.lines else visitor.basket
    common = {
        "aisles": [{"key": aisle.key, "name": getattr(aisle, visitor.language)} for aisle in aisles_of(stage.setting.data)],
        "current_aisle": "",
        "currency_text": say(visitor.language, f"in_{stage.setting.currency.lower()}"),
        "search_hint": say(visitor.language, "gift_hint" if _sells_gifts(stage) else "search_hint"),
        "q": "",
        "cart_count": basket.pieces,
        "browser": _browser(stage, visitor, basket, event, product, shelf, facts),
    }
    response = page(stage, visitor, name, "shop", {**common, **facts})
    if visitor.fresh:
        keep(response, FRESH_COOKIE, "")
    return response


def _browser(  # noqa: PLR0917 - all of what one page knows
    stage: Stage, visitor: Visitor, basket: Basket, event: str, product: Product | None, shelf: Mapping[str, Sold], more: Mapping[str, Any]
) -> Any:
    """Give what the shop's script needs, as JSON that cannot end its own element."""
    from markupsafe import Markup

    known = [product] if product is not None else []
    in_basket = [found for key in basket.lines if (found := stage.setting.product(key)) is not None]
    everything = stage.setting.products if event == "list" else (*known, *in_basket)
    facts = {
        "key": stage.setting.write_key,
        "language": visitor.language,
        "currency": stage.setting.currency,
        "person": {"id": visitor.person.key, "email": visitor.person.email, "name": visitor.person.name},
        "answer": visitor.answer,
        "fresh": visitor.fresh,
        "event": event,
        "viewed": product.id if product is not None else "",
        "basket": basket.lines,
        "order": list(basket.lines),
        "heldUntil": basket.held_until,
        "aisle": more.get("current_aisle", "") if event == "list" else "",
        "query": more.get("q", ""),
        "products": {item.id: facts_of(stage, item, visitor.language, asked_for(item, shelf)) for item in everything},
    }
    return Markup(json.dumps(facts).replace("<", "\\u003c"))  # noqa: S704 - JSON in which no element can end


def plain(
    stage: Stage, visitor: Visitor, title: str, paragraphs: list[str], *, doors: bool = False, button: str = "", to: str = ""
) -> HTMLResponse:
    """Write a page of a title and some sentences."""
    language = visitor.language
    facts = {
        "title": say(language, title),
        "paragraphs": paragraphs,
        "doors": doors,
        "button": say(language, button) if button else "",
        "button_to": to,
    }
    return shop_page(stage, visitor, "plain", facts)


def missing(stage: Stage, visitor: Visitor) -> HTMLResponse:
    """Say kindly that a page is not here."""
    language = visitor.language
    answer = plain(stage, visitor, "not_found_title", [say(language, "not_found_lead")], button="not_found_button", to=f"/demo/{language}")
    answer.status_code = 404
    return answer


def terms_of(data: str) -> Mapping[str, str]:
    """Give the terms of a data set, by language."""
    return OnlineRetail.terms if data == OnlineRetail.key else CompleteJourney.terms


def counts(stage: Stage, language: str) -> str:
    """Say how much of the data was loaded and how."""
    setting = stage.setting
    return say(
        language,
        "terms_counts",
        orders=number(setting.orders, language),
        lines=number(setting.lines, language),
        households=number(setting.households, language),
        date=day(setting.ends, language),
    )
