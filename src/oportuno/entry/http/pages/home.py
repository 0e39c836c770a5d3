"""The bare address: a short page for whoever comes to it, instead of an error. It tells nothing and sets nothing."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from oportuno.entry.http.pages.page import Setting, page
from oportuno.entry.http.pages.spoken import spoken


def home_router(*, onward: str = "") -> APIRouter:
    """Make the route. `onward` is where the page leads to, the demonstration's address for one; empty: nowhere."""
    made = APIRouter(tags=["pages"])

    async def home(request: Request) -> Response:
        setting = Setting(language=spoken(request))
        words = setting.words
        data = {
            "title": words["home_title"],
            "said": [words["home"]],
            "undo": "",
            "undo_words": "",
            "onward": onward,
            "onward_words": words["to_demo"],
        }
        return page("done", words["home_title"], data, setting)

    made.add_api_route("/", home, methods=["GET", "HEAD"], include_in_schema=False)
    return made
