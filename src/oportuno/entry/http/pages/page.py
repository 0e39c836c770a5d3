"""One page: its template, the shop's look around it, and the headers that keep it quiet and private."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from liquid import Markup
from starlette.responses import HTMLResponse

from oportuno.content.brand import TOKENS, in_language, palette
from oportuno.content.liquid import render_html
from oportuno.entry.http.pages.words import LANGUAGES, NAMES, WORDS
from oportuno.flows.programme import Brand

_ASSETS: Final = files("oportuno.entry.http") / "assets"
_CSS_NAMES: Final = {name: f"--{name.replace('_', '-').removeprefix('font-')}" for name in TOKENS} | {
    "font_display": "--font-display",
    "font_body": "--font-body",
}
QUIET: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers of every answer: nobody learns from where a customer came, and nothing is kept on the way."""
STYLED: Final = {"consumer.css": "text/css; charset=utf-8", "figtree.woff2": "font/woff2", "bricolage.woff2": "font/woff2"}
"""What the pages load, all of it from here."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Whose page it is, and in which language."""

    language: str
    brand: Brand | None = None
    """None: the link told nothing of any shop."""

    @property
    def words(self) -> dict[str, str]:
        """Give the words in the page's language."""
        return WORDS[self.language]


@lru_cache(maxsize=32)
def asset(name: str) -> bytes:
    """Give a file that belongs to the pages."""
    return (_ASSETS / name).read_bytes()


def page(template: str, title: str, data: Mapping[str, Any], setting: Setting, *, status: int = 200) -> HTMLResponse:
    """Make the page: `data` goes into the template, every value escaped, and the layout goes around it."""
    words = setting.words
    body = render_html(asset(f"{template}.liquid").decode(), {**data, "words": words, "language": setting.language})
    tokens = _tokens(setting.brand)
    whole = render_html(
        asset("layout.liquid").decode(),
        {
            "title": title,
            "language": setting.language,
            "words": words,
            "tokens": Markup(tokens),
            "body": Markup(body),
            "shop": _shop(setting.brand, setting.language),
            "tongues": [{"code": code, "name": NAMES[code], "here": code == setting.language} for code in LANGUAGES],
        },
    )
    headers = QUIET | {"Content-Security-Policy": _policy(tokens, setting.brand), "Content-Language": setting.language}
    return HTMLResponse(whole, status_code=status, headers=headers)


def _tokens(brand: Brand | None) -> str:
    """Write the nine tokens as CSS. They were checked to be colours, fonts and a length; nothing else gets through `palette`."""
    colours = palette(brand.tokens if brand is not None else {})
    named = "".join(f"{_CSS_NAMES[name]}:{colours[name]};" for name in TOKENS)
    return f":root{{{named}--dark-brand:{colours['dark_brand']};}}"


def _shop(brand: Brand | None, language: str) -> dict[str, str]:
    if brand is None:
        return {"name": "", "initial": "", "legal": "", "url": "", "mark": "", "privacy": "", "write": ""}
    return {
        "name": brand.name,
        "initial": brand.name[:1].upper(),
        "legal": brand.legal,
        "url": web(brand.shop_url),
        "mark": web(brand.mark_url),
        "privacy": web(in_language(brand.privacy_url, language)),
        "write": brand.reply_to or brand.sender,
    }


def web(address: str) -> str:
    """Give an address if it is one of the web, else nothing: no page links to anything that runs."""
    return address if address.startswith(("https://", "http://")) else ""


def _policy(tokens: str, brand: Brand | None) -> str:
    digest = b64encode(sha256(tokens.encode()).digest()).decode()
    shops = sorted({_origin(address) for address in (brand.shop_url, brand.cart_url, brand.mark_url) if web(address)}) if brand else []
    below = [origin.replace("://", "://*.") for origin in shops if _named(origin)]
    images = " ".join(["'self'", *shops, *below])
    return (
        f"default-src 'none'; style-src 'self' 'sha256-{digest}'; font-src 'self'; img-src {images}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _named(origin: str) -> bool:
    """Say whether the host has a name, below which there may be others; an IP address has none."""
    return (urlsplit(origin).hostname or "").rpartition(".")[2].isalpha()


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
