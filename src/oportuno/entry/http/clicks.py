"""The door of measured links: ``GET /c/{token}`` sends on to the shop, and to nowhere else. HEAD sends on too and is not noted."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from oportuno.channels.machine_clicks import sign_of
from oportuno.content.click_links import read_click
from oportuno.entry.http.pages.page import QUIET, Setting
from oportuno.entry.http.pages.router import sorry
from oportuno.entry.http.pages.spoken import spoken
from oportuno.flows.click import ClickDoor, follow
from oportuno.kit.faults import Fault

_FOUND: Final = 302
"""Not kept by anybody on the way: the next one comes to the door again."""


def clicks_router(door: ClickDoor) -> APIRouter:
    """Make the route."""
    made = APIRouter(tags=["pages"])

    async def lead_on(request: Request, token: Annotated[str, Path()]) -> Response:
        setting = Setting(language=spoken(request))
        try:
            facts = read_click(token, door.links.keys)
            setting = Setting(language=setting.language, brand=(await door.desk.programmes.programme(facts.workspace)).brand)
            address = await follow(door, facts, sign_of(request.headers), note=request.method == "GET")
        except Fault as fault:
            return sorry(fault, setting, away="away_link")
        return RedirectResponse(address, status_code=_FOUND, headers=QUIET)

    hidden: dict[str, Any] = {"include_in_schema": False}
    made.add_api_route("/c/{token}", lead_on, methods=["GET", "HEAD"], **hidden)
    return made
