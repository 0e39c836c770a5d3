"""The addresses under /p: each link in a message leads here. GET shows, POST answers; the token is the authority, there is no cookie."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from oportuno.content.links import Action, read_token, verify
from oportuno.entry.http.pages import views
from oportuno.entry.http.pages.forms import read_form
from oportuno.entry.http.pages.page import QUIET, STYLED, Setting, asset, page
from oportuno.entry.http.pages.spoken import spoken
from oportuno.entry.http.pages.visit import Pages, Visit
from oportuno.entry.http.problems import problem_bytes
from oportuno.flows.answer import Scope, Verb
from oportuno.flows.confirm import confirm
from oportuno.kit.faults import BadInput, Fault, NotAllowed, NotFound
from oportuno.kit.times import to_text

__all__ = ["Pages", "router", "sorry"]

_READING: Final = ["GET", "HEAD"]
_ABOUT_ITEMS: Final = frozenset({Action.WHY, Action.BOUGHT, Action.NOT_INTERESTED})
_SCOPES: Final = {"leave_all": Scope.ALL, "leave_topic": Scope.TOPIC, "leave_channel": Scope.CHANNEL}
_CONFIRMING: Final = {"it_was_me": True, "it_was_not": False}
_ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")
_ANYWHERE: Final = {"Access-Control-Allow-Origin": "*"}
"""A shop on any address may read a cart: the token is what it takes."""

Token = Annotated[str, Path()]


Handler = Callable[[Visit], Awaitable[Response]]


def router(pages: Pages) -> APIRouter:
    """Make the routes of the customers' pages."""
    made = APIRouter(tags=["pages"])

    async def show(request: Request, token: Token) -> Response:
        return await _visit(pages, request, token, _show)

    async def hear(request: Request, token: Token) -> Response:
        try:
            form = await read_form(request)
        except BadInput as fault:
            return sorry(fault, Setting(language=spoken(request)))
        return await _visit(pages, request, token, lambda visit: _hear(visit, form))

    async def cart(request: Request, token: Token) -> Response:
        try:
            facts = verify(token, pages.links.keys, await pages.desk.reads.now())
            if facts.action is not Action.CART:
                raise NotAllowed("link_forged", "this link is not for a cart")
            return JSONResponse(_cart_json(await pages.desk.cart(facts)), headers=QUIET | _ANYWHERE)
        except Fault as fault:
            status, headers, body = problem_bytes(fault, instance=request.url.path.replace(token, "…"))
            kept = {name.decode(): value.decode() for name, value in headers if name != b"content-length"}
            return Response(body, status_code=status, headers=kept | QUIET | _ANYWHERE)

    async def style(name: str) -> Response:
        if name not in STYLED:
            raise NotFound("address_unknown", "there is nothing at this address")
        headers = {"Content-Type": STYLED[name], "Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return Response(asset(name), headers=headers)

    hidden: dict[str, Any] = {"include_in_schema": False}
    made.add_api_route("/p/assets/{name}", style, methods=_READING, **hidden)
    made.add_api_route("/p/{token}/cart.json", cart, methods=_READING, **hidden)
    made.add_api_route("/p/{token}", show, methods=_READING, **hidden)
    made.add_api_route("/p/{token}", hear, methods=["POST"], **hidden)
    return made


async def _visit(pages: Pages, request: Request, token: str, handler: Handler) -> Response:
    """Read the link, find out whose page it is and in which language, and go on; every fault becomes a page with kind words."""
    setting = Setting(language=spoken(request))
    try:
        facts = read_token(token, pages.links.keys)
        brand = (await pages.desk.programmes.programme(facts.workspace)).brand
        setting = Setting(language=setting.language, brand=brand)
        now = await pages.desk.reads.now()
        verify(token, pages.links.keys, now)
        standing = await pages.desk.standing(facts)
        setting = Setting(language=spoken(request, standing.locale), brand=brand)
        return await handler(Visit(pages, facts, setting, now, token))
    except Fault as fault:
        return sorry(fault, setting)


async def _show(visit: Visit) -> Response:
    action = visit.facts.action
    if action is Action.WHY:
        return await views.why(visit)
    if action is Action.UNSUBSCRIBE:
        return await views.leave(visit)
    if action is Action.CART:
        return await views.cart(visit)
    if action is Action.UNDO:
        return views.ask_undo(visit)
    if action is Action.CONFIRM:
        return await views.join(visit)
    return await views.confirm(visit, Verb(action.value))


async def _hear(visit: Visit, form: dict[str, str]) -> Response:
    desk, facts, language = visit.pages.desk, visit.facts, visit.setting.language
    said = form.get("answer", "")
    if facts.action is Action.UNSUBSCRIBE and form.get(_ONE_CLICK[0]) == _ONE_CLICK[1]:
        await desk.unsubscribe(facts, Scope.CHANNEL, one_click=True, language=language)
        # RFC 8058: to a program, without cookie, redirect or page.
        return PlainTextResponse("OK\n", headers=QUIET)
    if facts.action in _ABOUT_ITEMS and said in set(Verb):
        return await views.said_of_items(visit, await desk.answer_item(facts, Verb(said), language=language))
    if facts.action is Action.UNSUBSCRIBE and said in _SCOPES:
        scope = _SCOPES[said]
        return await views.left(visit, scope, await desk.unsubscribe(facts, scope, language=language))
    if facts.action is Action.UNSUBSCRIBE and said == "resume_topic":
        return views.undone(visit, await desk.resume_topic(facts, language=language))
    if facts.action is Action.CONFIRM and said in _CONFIRMING:
        heard = await confirm(desk, facts, yes=_CONFIRMING[said], language=language)
        return await views.joined(visit, heard.at) if _CONFIRMING[said] else views.not_joined(visit)
    if facts.action is Action.UNDO and said == "undo":
        return views.undone(visit, await desk.undo(facts, language=language))
    raise BadInput("answer_unknown", "the form carries no answer that this link allows")


def _cart_json(cart: Any) -> dict[str, Any]:
    return {
        "lines": [
            {
                "product_id": line.product,
                "variant": line.variant,
                "name": line.name,
                "price": line.price,
                "quantity": line.quantity,
                "url": line.url,
                "image_url": line.image,
                "bought": line.bought,
            }
            for line in cart.lines
        ],
        "currency": cart.currency,
        "total": cart.total,
        "left_at": to_text(cart.left_at) if cart.left_at else None,
        "held": cart.held,
        "held_until": to_text(cart.held_until) if cart.held_until else None,
        "more": cart.more,
    }


_KIND: Final = {
    "link_forged": ("forged", 404),
    "link_expired": ("expired", 410),
    "message_gone": ("gone", 410),
    "customer_gone": ("gone", 410),
    "answer_unknown": ("unclear", 400),
    "confirm_overtaken": ("join_over", 409),
    "form_too_large": ("unclear", 413),
    "form_malformed": ("unclear", 400),
}


def sorry(fault: Fault, setting: Setting, *, away: str = "away") -> Response:
    """Say kindly what is the matter, and what to do; `away` are the words for a fault of ours. Nothing of its inside is shown."""
    kind, status = _KIND.get(fault.code, (away, 503 if fault.status >= Fault.status else fault.status))
    words = setting.words
    data = {"title": words[f"{kind}_title"], "said": [words[kind]], "onward": setting.brand.shop_url if setting.brand else ""}
    return page("sorry", words[f"{kind}_title"], data, setting, status=status)
