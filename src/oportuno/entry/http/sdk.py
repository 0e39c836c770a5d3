"""The browser's library, as any page loads it: the core, the question about consent that it fetches on demand, and the snippet.

Nothing here knows who asks: no cookie is read or set, and the files are the same for everybody.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response

from oportuno.kit.faults import NotFound

FILES: Final = ("oportuno.js", "oportuno.min.js", "oportuno-banner.js", "oportuno-banner.min.js", "oportuno-snippet.js")
_PATH: Final = "/sdk/{name}"
_HEADERS: Final = {
    "Content-Type": "text/javascript; charset=utf-8",
    # An hour: a shop's pages run the new release on the day it is installed, whoever keeps them open.
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}


def sdk_router() -> APIRouter:
    """Build the routes of the files."""
    router = APIRouter()
    router.add_api_route(_PATH, _give, methods=["GET", "HEAD"], include_in_schema=False)
    return router


def _give(name: str, request: Request) -> Response:
    if name not in FILES:
        raise NotFound("address_unknown", "there is nothing at this address")
    plain, small, mark = _read(name)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = _HEADERS | {"ETag": f'"{mark}{"-gzip" if packed else ""}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(small if packed else plain, headers=headers | ({"Content-Encoding": "gzip"} if packed else {}))


@lru_cache(maxsize=len(FILES))
def _read(name: str) -> tuple[bytes, bytes, str]:
    """Give a file, itself compressed, and a mark of what is in it."""
    plain = files("oportuno").joinpath("entry", "http", "assets", "sdk", name).read_bytes()
    return plain, gzip.compress(plain, mtime=0), sha256(plain).hexdigest()[:20]
