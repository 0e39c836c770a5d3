"""The HTTP side in one ASGI application: the collector as a bare route, everything else FastAPI beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

import oportuno
from oportuno.entry.http import hooks as shop_hooks
from oportuno.entry.http import mail_hooks as provider_hooks
from oportuno.entry.http.api import (
    answers,
    catalogue,
    customers,
    decisions,
    definitions,
    erasures,
    hearings,
    hooks,
    identity,
    imports,
    mail_hooks,
    merges,
    messages,
    providers,
    rejects,
    set_aside,
    stores,
    stories,
    suppressions,
    together,
    tracking_plan,
    wishes,
    would,
)
from oportuno.entry.http.api.door import bearer_headers
from oportuno.entry.http.clicks import clicks_router
from oportuno.entry.http.collect import PREFIXES, Collector
from oportuno.entry.http.health import Health, health_router
from oportuno.entry.http.pages.home import home_router
from oportuno.entry.http.pages.router import Pages
from oportuno.entry.http.pages.router import router as pages_router
from oportuno.entry.http.problems import MEDIA_TYPE, Broken, problem_bytes, problem_of
from oportuno.entry.http.proxies import NO_PROXIES, Proxies, seen_through
from oportuno.entry.http.sdk import sdk_router
from oportuno.entry.http.unreadable import place_of, sentence_of
from oportuno.flows.answer import Desk
from oportuno.flows.apply import SeveralFaults
from oportuno.flows.click import ClickDoor
from oportuno.flows.limits import Doorkeeper, Intakes
from oportuno.kit.faults import BadInput, Fault, NotFound, WrongMethod
from oportuno.wiring import Front

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = structlog.get_logger("http")
_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_BURST_SECONDS: Final = 4
"""How many seconds' worth may come at once after a rest."""

_SUMMARIES = {
    400: "Something sent cannot be used; `place` says what.",
    401: "No key, or one that we do not know.",
    403: "The key may not do this.",
    404: "There is no such thing in this workspace.",
    409: "It changed meanwhile: read again.",
    410: "The customer was forgotten on request.",
    413: "Too much was sent.",
    422: "A parameter or field is missing or malformed; `place` says which.",
    500: "A fault of ours.",
    503: "The database does not answer; try again after `Retry-After` seconds.",
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": summary, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemShape"}}}}
    for status, summary in _SUMMARIES.items()
}


class Unreadable(BadInput):
    """A parameter or field is missing or malformed."""

    status = 422


class House:
    """The whole HTTP side. What calls bring goes to the collector, which costs a tenth of a FastAPI request."""

    def __init__(self, collector: Collector, rest: FastAPI, proxies: Proxies = NO_PROXIES) -> None:
        self.collector = collector
        self.rest = rest
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            scope = seen_through(scope, self._proxies)
        if scope["type"] == "http" and scope["path"].startswith(PREFIXES) and not scope["path"].startswith("/v1/hooks/"):
            await self.collector(scope, receive, send)
        else:
            await self.rest(scope, receive, send)


def build(front: Front) -> House:
    """Build the HTTP side on what it is wired to."""
    settings = front.settings
    doorkeeper = Doorkeeper(
        Intakes(
            key_rate=settings.key_events_per_second,
            key_burst=settings.key_events_per_second * _BURST_SECONDS,
            address_rate=settings.address_events_per_second,
            address_burst=settings.address_events_per_second * _BURST_SECONDS,
            backlog=settings.backlog_ceiling,
            fullness=settings.disk_ceiling,
        )
    )
    collector = Collector(
        intake=front.intake,
        keys=front.keys,
        doorkeeper=doorkeeper,
        digest_key=front.digest_key,
        verifier=front.verifier,
        plans=front.plans,
        public_url=settings.public_url,
    )
    rest = api(front, Health(front, collector))
    rest.state.doorkeeper = doorkeeper
    return House(collector, rest, Proxies(settings.trusted_hops, settings.forwarded_by))


def api(front: Front, health: Health) -> FastAPI:
    """Build everything but the collector."""
    app = FastAPI(
        title="Oportuno",
        version=oportuno.__version__,
        description="Listen, know, decide whether to speak, and explain why.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_name_of,
        lifespan=_lifespan,
        responses=_PROBLEMS,
        redirect_slashes=False,
    )
    app.state.front = front
    for each in (customers, answers, wishes, erasures, decisions, would, messages, stories, definitions, rejects, set_aside):
        app.include_router(each.router)
    for each in (catalogue, stores, together, merges, identity, tracking_plan, hooks, mail_hooks, imports, hearings, suppressions):
        app.include_router(each.router)
    app.include_router(providers.router)
    app.include_router(shop_hooks.router)
    app.include_router(provider_hooks.router)
    app.include_router(health_router(health))
    app.include_router(sdk_router())
    desk = Desk(store=front.store, reads=front.reads, programmes=front.programmes)
    app.include_router(home_router(onward="/demo" if front.settings.demo_dir is not None else ""))
    app.include_router(pages_router(Pages(desk=desk, links=front.links)))
    app.include_router(clicks_router(ClickDoor(desk=desk, links=front.links, clicks=front.clicks)))
    if front.settings.demo_dir is not None:
        from oportuno.entry.demo.mount import mount

        mount(app, front, front.settings.demo_dir)
    app.add_exception_handler(Fault, _tell_fault)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_unreadable)
    app.add_exception_handler(Exception, _tell_broken)
    return app


def _name_of(route: APIRoute) -> str:
    return f"{route.tags[0] if route.tags else 'house'}_{route.name}"


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


# ── Errors, all of one form ─────────────────────────────────────────────────────────────────────────────────────────


def answer_fault(request: Request, fault: Fault) -> Response:
    """Give the RFC 9457 answer for a fault."""
    status, headers, body = problem_bytes(fault, instance=request.url.path)
    if isinstance(fault, SeveralFaults):
        problem = msgspec.to_builtins(problem_of(fault, instance=request.url.path))
        problem["faults"] = [{"code": each.code, "detail": each.sentence, "place": each.place} for each in fault.faults]
        body = msgspec.json.encode(problem)
    kept = {name.decode(): value.decode() for name, value in headers if name != b"content-length"}
    return Response(body, status_code=status, headers=kept | bearer_headers(fault))


async def _tell_fault(request: Request, fault: Exception) -> Response:
    return answer_fault(request, fault if isinstance(fault, Fault) else Broken())


async def _tell_unreadable(request: Request, fault: Exception) -> Response:
    errors = fault.errors() if isinstance(fault, RequestValidationError) else []
    first = errors[0] if errors else {"loc": (), "msg": "it cannot be read"}
    if first.get("type") == "json_invalid":
        place = f"byte {first['loc'][-1]}"
        return answer_fault(request, Unreadable("request_malformed", f"the body cannot be read as JSON: it breaks at {place}", place=place))
    place = place_of(first["loc"])
    return answer_fault(request, Unreadable("request_malformed", f"{place or 'the body'}: {sentence_of(first)}", place=place))


async def _tell_http(request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    if status == HTTPStatus.NOT_FOUND:
        return answer_fault(request, NotFound("address_unknown", "there is nothing at this address"))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = _methods_at(request)
        return answer_fault(request, WrongMethod("method_not_allowed", f"this address knows {allow} only", allow=allow))
    return answer_fault(request, BadInput("request_malformed", "the request cannot be read"))


def _methods_at(request: Request) -> str:
    """Give every method of an address: each may be a route of its own, and the framework names only those of the first."""
    asked = ({**request.scope, "method": method} for method in _METHODS)
    return ", ".join(scope["method"] for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes))


async def _tell_broken(request: Request, fault: Exception) -> Response:
    _log.error("request_failed", fault=type(fault).__name__, method=request.method)
    return answer_fault(request, Broken())
