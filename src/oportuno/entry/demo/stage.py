"""What the demonstration's pages stand on, and what every page needs to know of its visitor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from httpx2 import AsyncClient

from oportuno.entry.demo.basket import COOKIE as BASKET_COOKIE
from oportuno.entry.demo.basket import Basket, read_basket, write_basket
from oportuno.entry.demo.last_look import Shelf
from oportuno.entry.demo.pages import number, render, say
from oportuno.entry.demo.setting import LANGUAGES, Person, Progress, Setting, read_progress
from oportuno.entry.demo.tour import tour_facts
from oportuno.flows.ports import Mailbox, Programmes
from oportuno.flows.ports_catalogue import Catalogue
from oportuno.flows.reads import Reads
from oportuno.flows.work import Store
from oportuno.kit.faults import BadInput, NotAllowed

PERSON_COOKIE: Final = "demo_person"
VISITOR_COOKIE: Final = "demo_visitor"
FRESH_COOKIE: Final = "demo_fresh"
TOUR_COOKIE: Final = "demo_tour"
_MONTH: Final = 30 * 24 * 3600
_FORM_LIMIT: Final = 16_384
_IN_DATA: Final = {"hogar": "household", "cliente": "buyer"}
"""What the customers of a data set are → the words for one of them."""
_EMAIL: Final = re.compile(r"[^\s@<>\"',;|]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; font-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Stage:
    """The parts behind the pages. `api` speaks to this very server, with the workspace's secret key, as any program would."""

    setting: Setting
    reads: Reads
    store: Store
    mailbox: Mailbox
    programmes: Programmes
    catalogue: Catalogue
    api: AsyncClient
    version: str = "1"
    """Changes when the assets do."""
    folder: Path | None = None
    """Where it is noted how far the loading is; None: nowhere."""
    shelf: Shelf = field(default_factory=Shelf)

    def tour(self, visitor: Visitor) -> dict[str, Any]:
        """Say what the guided tour shows this visitor here."""
        return tour_facts(visitor.tour, visitor.rest, visitor.language, self.setting.wait_seconds)

    def loading(self) -> Progress | None:
        """Say how far history is; None when it is all here."""
        return read_progress(self.folder) if self.folder is not None else None


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page, and in which language."""

    language: str
    person: Person
    basket: Basket
    answer: str
    """``yes`` or ``no``: what this person is simulated to have answered about remembering; empty: the browser is asked, and keeps it."""
    tour: str
    """At which step of the tour they are; empty: in none."""
    fresh: bool
    """Whether the browser should forget the anonymous id it had."""
    rest: str
    """The path after the language, for coming back and for the other language."""

    @property
    def email(self) -> str:
        """The address by which the person is known, or empty."""
        return self.person.email


def visitor_of(request: Request, language: str, setting: Setting) -> Visitor:
    """Read from a request who is looking."""
    person = _person(request, setting)
    path = request.url.path.removeprefix(f"/demo/{language}")
    query = f"?{request.url.query}" if request.url.query else ""
    return Visitor(
        language=language,
        person=person,
        basket=read_basket(request.cookies.get(BASKET_COOKIE, "")),
        answer={True: "yes", False: "no", None: ""}[person.may_remember],
        tour=request.cookies.get(TOUR_COOKIE, "")[:4],
        fresh=request.cookies.get(FRESH_COOKIE, "") == "1",
        rest=path + query,
    )


def _person(request: Request, setting: Setting) -> Person:
    key = request.cookies.get(PERSON_COOKIE, "")
    email, _, may_write = request.cookies.get(VISITOR_COOKIE, "").partition("|")
    if email and key == visitor_key(email) and is_email(email):
        return Person(key=key, name=email.split("@")[0][:24], email=email, may_write=may_write == "yes")
    return setting.person(key) or setting.person("") or Person(key="", name="Dora")


def visitor_key(email: str) -> str:
    """Give the user id of somebody who left an e-mail address: always the same for the same address."""
    return f"visita-{blake2b(email.lower().encode(), digest_size=6).hexdigest()}"


def is_email(text: str) -> bool:
    """Say whether this looks like an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def page(stage: Stage, visitor: Visitor, name: str, here: str, facts: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
    """Write a page with what every page shows: the bar, the person, the languages."""
    common = {
        "version": stage.version,
        "here": here,
        "rest": visitor.rest,
        "languages": LANGUAGES,
        "me_name": person_name(visitor.person, visitor.language),
        "me_key": visitor.person.key,
        "wait_seconds": stage.setting.wait_seconds,
        "mails": 0,
        "currency": stage.setting.currency,
        "loading": loading_text(stage, visitor.language),
        "tour": stage.tour(visitor),
    }
    return HTMLResponse(render(name, visitor.language, {**common, **facts}), status_code=status, headers=dict(SECURITY))


def loading_text(stage: Stage, language: str) -> str:
    """Say how far history is while it comes in; empty when it is here."""
    reached = stage.loading()
    if reached is None:
        return ""
    what = say(language, f"loading_{reached.what}", done=number(reached.done, language), whole=number(reached.whole, language))
    return say(language, "loading", percent=reached.percent, what=what)


def person_name(person: Person, language: str) -> str:
    """Name a person in the page's language."""
    return name_in_data(person.key, language) or person.name


def name_in_data(user: str, language: str) -> str:
    """Name a customer of the data by their user id, in the page's language; empty for anybody else."""
    kind, _, number_there = user.partition("-")
    return say(language, _IN_DATA[kind], n=number_there) if kind in _IN_DATA and number_there.isdecimal() else ""


async def form_of(request: Request) -> dict[str, str]:
    """Read a small form. Raises BadInput when it is none, NotAllowed when another site sent it."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed("form_from_elsewhere", "this form was sent by another site")
    body = await request.body()
    if len(body) > _FORM_LIMIT:
        raise BadInput("form_too_large", "this form is too large")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=40))
    except ValueError as fault:
        raise BadInput("form_malformed", "this form cannot be read") from fault


def go(language: str, rest: str) -> RedirectResponse:
    """Go on to another page after a form; only within the demonstration."""
    if not rest.startswith(("/", "?")) or rest.startswith("//") or "\\" in rest or any(ord(sign) < 33 for sign in rest):  # noqa: PLR2004 - below the space
        rest = ""
    return RedirectResponse(f"/demo/{language}{rest}", status_code=303, headers={"Cache-Control": "no-store"})


def keep(response: Response, name: str, value: str) -> None:
    """Set a cookie of the shop's own; an empty value takes it away."""
    if value:
        response.set_cookie(name, value, max_age=_MONTH, path="/demo", samesite="lax", httponly=True)
    else:
        response.delete_cookie(name, path="/demo", samesite="lax", httponly=True)


def walk_on(response: Response, visitor: Visitor, *steps: int) -> None:
    """Lead a visitor on whose tour is at one of these steps: what it asked for was done just now."""
    if visitor.tour in {str(step) for step in steps}:
        keep(response, TOUR_COOKIE, str(int(visitor.tour) + 1))


def keep_basket(response: Response, basket: Basket) -> None:
    """Set or take away the basket's cookie."""
    keep(response, BASKET_COOKIE, write_basket(basket) if basket.lines else "")
