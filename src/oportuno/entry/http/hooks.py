"""Where shops' systems post: Shopify's and WooCommerce's webhooks, verified on the bytes as they came."""

from __future__ import annotations

import time
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from pydantic import Field

from oportuno.entry.http.api.door import FrontHere
from oportuno.entry.http.api.hooks import ear_of
from oportuno.entry.http.api.shapes import Shape
from oportuno.entry.http.bodies import collect_body
from oportuno.events.hooks.post import Platform
from oportuno.flows.hooks import POST_CEILING, Posted, hear_post
from oportuno.flows.take_in import Taken
from oportuno.kit.faults import BadInput
from oportuno.wiring import Front

router = APIRouter(prefix="/v1/hooks", tags=["hooks"])

_HEADERS: Final = {
    Platform.SHOPIFY: ("x-shopify-topic", "x-shopify-webhook-id", "x-shopify-hmac-sha256"),
    Platform.WOOCOMMERCE: ("x-wc-webhook-topic", "x-wc-webhook-delivery-id", "x-wc-webhook-signature"),
}
"""Of each platform: what it is about, the delivery's id, the signature."""
_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
HookId = Annotated[str, Path(description="The last part of the address: `hook_…`.", max_length=64)]


class HeardShape(Shape):
    """What became of a post. Everything in it is stored."""

    success: bool = True
    events: int = Field(description="How many became new events.")
    rejected: int = Field(description="How many were kept as rejects.")


@router.post("/shopify/{hook}", openapi_extra=_BODY)
async def shopify(front: FrontHere, request: Request, hook: HookId) -> HeardShape:
    """Hear a webhook of Shopify. The signature is asked for, no key; the same delivery again changes nothing."""
    return _said(await _hear(front, request, Platform.SHOPIFY, hook))


@router.post("/woocommerce/{hook}", openapi_extra=_BODY)
async def woocommerce(front: FrontHere, request: Request, hook: HookId) -> HeardShape:
    """Hear a webhook of WooCommerce. The signature is asked for, no key; the same delivery again changes nothing."""
    return _said(await _hear(front, request, Platform.WOOCOMMERCE, hook))


async def _hear(front: Front, request: Request, platform: Platform, hook: str) -> Taken:
    headers = request.headers
    announced = headers.get("content-length")
    raw = await collect_body(request.receive, announced=announced.encode() if announced else None, ceiling=POST_CEILING)
    topic, delivery, signature = (headers.get(name, "") for name in _HEADERS[platform])
    if "\0" in topic + delivery + hook:
        raise BadInput("request_malformed", "a header holds a NUL character")
    posted = Posted(
        platform=platform,
        hook=hook,
        raw=raw,
        topic=topic,
        id=delivery,
        signature=signature.encode("latin-1"),
        address=request.client.host if request.client else "",
        now=time.time_ns() // 1_000_000,
    )
    return await hear_post(posted, ear_of(front), request.app.state.doorkeeper)


def _said(taken: Taken) -> HeardShape:
    return HeardShape(events=taken.stored, rejected=len(taken.rejects))
