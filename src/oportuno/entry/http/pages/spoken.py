"""In which language a page answers."""

from __future__ import annotations

from starlette.requests import Request

from oportuno.entry.http.pages.words import LANGUAGES


def spoken(request: Request, locale: str = "") -> str:
    """Choose the page's language: the one asked for, else the customer's own, else the browser's, else the first."""
    asked = request.query_params.get("lang", "")
    browser = [each.split(";")[0].strip() for each in request.headers.get("accept-language", "").split(",")]
    for wanted in (asked, locale, *browser):
        language = wanted.replace("_", "-").split("-")[0].lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]
