"""The demonstration's door: its pages under /demo, for this machine alone."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from ipaddress import ip_address
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from oportuno.entry.demo.account import account_routes
from oportuno.entry.demo.backtest import backtest_routes
from oportuno.entry.demo.basket import COOKIE as BASKET_COOKIE
from oportuno.entry.demo.drawings import drawing, names, painted, picture
from oportuno.entry.demo.falls import fall_routes
from oportuno.entry.demo.hear import hear_routes
from oportuno.entry.demo.live import live_routes
from oportuno.entry.demo.mail import mail_routes
from oportuno.entry.demo.online_retail import OnlineRetail
from oportuno.entry.demo.pages import number, say
from oportuno.entry.demo.setting import LANGUAGES, Person
from oportuno.entry.demo.shelves import AISLES, GIFT_AISLES
from oportuno.entry.demo.shop import counts, shop_routes, terms_of
from oportuno.entry.demo.stage import (
    FRESH_COOKIE,
    PERSON_COOKIE,
    VISITOR_COOKIE,
    Stage,
    form_of,
    go,
    keep,
    loading_text,
    name_in_data,
    page,
    person_name,
    visitor_of,
    walk_on,
)
from oportuno.entry.demo.till import till_routes
from oportuno.entry.demo.tour import STEPS
from oportuno.entry.demo.touring import tour_routes

_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "woff2": "font/woff2", "txt": "text/plain"}
_BIG: Final = 600
"""Pixels of a picture at the top of a mail: twice the size at which it is shown."""
_ID: Final = r"^[0-9]{1,12}[A-Z]{0,2}$"
_LONG: Final = {"Cache-Control": "public, max-age=86400"}
_ASSETS: Final = files("oportuno.entry.demo").joinpath("assets")


def _only_here(request: Request) -> None:
    """Let nobody in but this machine itself."""
    host = request.client.host if request.client else ""
    name = request.url.hostname or ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = False
    # The name is looked at too: a foreign page must not reach this one under a name of its own (DNS rebinding).
    if not here or name not in {"127.0.0.1", "localhost", "::1"}:
        raise HTTPException(status_code=404)


def _known_language(request: Request) -> None:
    """Answer 404 to a language that the pages do not speak."""
    if request.path_params.get("language", LANGUAGES[0]) not in LANGUAGES:
        raise HTTPException(status_code=404)


def router(stage: Stage) -> APIRouter:
    """Give the demonstration's routes, all under /demo. They answer this machine alone."""
    door = APIRouter(prefix="/demo", dependencies=[Depends(_only_here), Depends(_known_language)], include_in_schema=False)

    @door.get("")
    async def begin(request: Request) -> Response:
        return RedirectResponse(f"/demo/{_spoken(request)}", status_code=302)

    @door.get("/cart")
    async def cart(request: Request) -> Response:
        return RedirectResponse(f"/demo/{_spoken(request)}/cart?{request.url.query}", status_code=302)

    @door.get("/answers")
    async def answers(request: Request) -> Response:
        return RedirectResponse(f"/demo/{_spoken(request)}/answers", status_code=302)

    @door.get("/assets/{name:path}")
    async def asset(name: Annotated[str, Path(pattern=r"^(fonts/)?[a-z-]+\.[a-z0-9]+$")]) -> Response:
        found = _asset(name)
        if found is None:
            raise HTTPException(status_code=404)
        return Response(found, media_type=_KINDS[name.rsplit(".", 1)[-1]], headers=_LONG)

    door.include_router(_picture_routes())
    door.include_router(_led_routes())
    door.include_router(_people_routes(stage))
    door.include_router(mail_routes(stage))
    door.include_router(live_routes(stage))
    door.include_router(fall_routes(stage))
    door.include_router(hear_routes(stage))
    door.include_router(account_routes(stage))
    door.include_router(till_routes(stage))
    door.include_router(backtest_routes(stage))
    door.include_router(tour_routes())
    door.include_router(shop_routes(stage))
    return door


def _picture_routes() -> APIRouter:
    routes = APIRouter()

    @routes.get("/art/{aisle}/{name}.svg")
    async def art(aisle: str, name: str) -> Response:
        _known_picture(aisle, name)
        return Response(drawing(name, aisle), media_type="image/svg+xml", headers=_LONG)

    @routes.get("/art/big/{name}.png")
    async def art_for_the_catalogue(name: str) -> Response:
        _known_picture("", name)
        return Response(picture(name, side=_BIG), media_type="image/png", headers=_LONG)

    @routes.get("/art/{aisle}/{name}.png")
    async def art_for_mails(aisle: str, name: str) -> Response:
        _known_picture(aisle, name)
        return Response(picture(name, aisle), media_type="image/png", headers=_LONG)

    @routes.get("/mark.png")
    async def mark_for_mails() -> Response:
        return Response(_mark(), media_type="image/png", headers=_LONG)

    return routes


def _known_picture(aisle: str, name: str) -> None:
    if name not in names() or aisle not in {"", *(known.key for known in (*AISLES, *GIFT_AISLES))}:
        raise HTTPException(status_code=404)


def _led_routes() -> APIRouter:
    """Give the addresses without a language that the catalogue has, and mails with it."""
    routes = APIRouter()

    @routes.get("/p/{product_id}")
    async def product_in_their_language(request: Request, product_id: Annotated[str, Path(pattern=_ID)]) -> Response:
        return _led_to(request, f"p/{product_id}")

    @routes.get("/help/{product_id}")
    async def help_in_their_language(request: Request, product_id: Annotated[str, Path(pattern=_ID)]) -> Response:
        return _led_to(request, f"help/{product_id}")

    return routes


def _people_routes(stage: Stage) -> APIRouter:
    routes = APIRouter()

    @routes.get("/{language}/tour")
    async def tour(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        return page(
            stage,
            visitor,
            "tour",
            "tour",
            {"terms": terms_of(stage.setting.data)[language], "counts": counts(stage, language), "steps": _told(stage, language)},
        )

    @routes.get("/{language}/loading")
    async def loading(language: str) -> Response:
        return PlainTextResponse(loading_text(stage, language), headers={"Cache-Control": "no-store"})

    @routes.get("/{language}/be")
    async def be(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        people = [visitor.person] if stage.setting.person(visitor.person.key) is None else []
        people += stage.setting.people
        return page(
            stage, visitor, "be", "be", {"people": [_shown(person, language) for person in people], "whose": _whose(stage, language)}
        )

    @routes.post("/{language}/be")
    async def become(request: Request, language: str) -> Response:
        form = await form_of(request)
        person = stage.setting.person(form.get("person", ""))
        answer = go(language, "")
        keep(answer, PERSON_COOKIE, person.key if person else "")
        keep(answer, FRESH_COOKIE, "1")
        walk_on(answer, visitor_of(request, language, stage.setting), 1)
        for name in (VISITOR_COOKIE, BASKET_COOKIE):
            keep(answer, name, "")
        return answer

    return routes


def _told(stage: Stage, language: str) -> list[dict[str, str]]:
    """Tell every step of the tour in advance, for whoever would rather walk alone."""
    return [
        {
            "title": say(language, f"tour_{number}_title"),
            "text": say(language, f"tour_{number}_text", n=stage.setting.wait_seconds),
        }
        for number in range(1, len(STEPS) + 1)
    ]


def _shown(person: Person, language: str) -> dict[str, Any]:
    name = person_name(person, language)
    return {
        "key": person.key,
        "name": name,
        "initial": "⌂" if name_in_data(person.key, language) else name[0].upper(),
        "answered": say(language, person.answered if person.key else "person_anonymous"),
        "detail": _orders_text(person, language),
    }


def _orders_text(person: Person, language: str) -> str:
    if not person.orders:
        return say(language, "person_made_up")
    return say(language, "person_order") if person.orders == 1 else say(language, "person_orders", n=number(person.orders, language))


def _whose(stage: Stage, language: str) -> str:
    return say(language, "whose_cliente" if stage.setting.data == OnlineRetail.key else "whose_hogar")


def _led_to(request: Request, rest: str) -> Response:
    """Lead on from an address without a language, as mails have it, to the page in the browser's own."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/demo/{_spoken(request)}/{rest}{query}", status_code=302)


def _spoken(request: Request) -> str:
    """Give the first of the browser's languages that the pages speak."""
    for wish in request.headers.get("accept-language", "").lower().split(","):
        if wish.strip()[:2] in LANGUAGES:
            return wish.strip()[:2]
    return LANGUAGES[0]


@lru_cache(maxsize=32)
def _asset(name: str) -> bytes | None:
    found = _ASSETS.joinpath(name)
    return found.read_bytes() if found.is_file() and name.rsplit(".", 1)[-1] in _KINDS else None


@lru_cache(maxsize=1)
def _mark() -> bytes:
    """Give the shop's mark as PNG, three times the size at which mails show it."""
    return painted((_asset("norte.svg") or b"").decode(), 90)


@lru_cache(maxsize=1)
def assets_version() -> str:
    """Give a short name of the assets' content: it changes when they do."""
    digest = blake2b(digest_size=4)
    for name in ("demo.css", "shop.css", "shop.js", "bar.js", "mail.js", "live.js", "soon.js"):
        digest.update(_asset(name) or b"")
    return digest.hexdigest()
