"""The till of a shop in the street: somebody buys there, and whatever waited for it on line ends."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from oportuno.entry.demo.basket import Basket
from oportuno.entry.demo.catalogue import asked_for, name_in, sold
from oportuno.entry.demo.pages import money, say
from oportuno.entry.demo.server_side import order_of, tell
from oportuno.entry.demo.stage import Stage, form_of, go, page, person_name, visitor_of

_STORE: Final = "centro"


def till_routes(stage: Stage) -> APIRouter:
    """Give the routes of the till, without the prefix."""
    router = APIRouter()

    @router.get("/{language}/till")
    async def till(request: Request, language: str, who: str = "", product: str = "", sold_to: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        shelf = await sold(stage)
        people = [person for person in stage.setting.people if person.key]
        if visitor.person.key and stage.setting.person(visitor.person.key) is None:
            people.insert(0, visitor.person)
        chosen = who or sold_to or visitor.person.key
        first = product or next(iter(visitor.basket.lines), "")
        buyer = next((person for person in people if person.key == sold_to), None)
        bought = stage.setting.product(product)
        facts: dict[str, Any] = {
            "people": [{"key": each.key, "name": person_name(each, language), "now": each.key == chosen} for each in people],
            "goods": [
                {
                    "id": each.id,
                    "name": each.names[language],
                    "price": money(asked_for(each, shelf), language, stage.setting.currency),
                    "now": each.id == first,
                }
                for each in stage.setting.products
            ],
            "sold": say(language, "till_sold", name=person_name(buyer, language), product=bought.names[language])
            if buyer is not None and bought is not None
            else "",
            "failed": "failed" in request.query_params,
        }
        return page(stage, visitor, "till", "till", facts)

    @router.post("/{language}/till")
    async def buy(request: Request, language: str) -> Response:
        form = await form_of(request)
        found, who = stage.setting.product(form.get("product", "")), form.get("who", "")
        visitor = visitor_of(request, language, stage.setting)
        if found is None or not who or (stage.setting.person(who) is None and who != visitor.person.key):
            return go(language, "/till")
        await name_in(stage, [found], language)
        order = await order_of(stage, Basket(lines={found.id: 1}), language)
        taken = await tell(stage, who, "Order Completed", order | {"store_id": _STORE, "channel": "till", "source": "demo_till"})
        return go(language, f"/till?sold_to={who}&product={found.id}" if taken else "/till?failed=1")

    return router
