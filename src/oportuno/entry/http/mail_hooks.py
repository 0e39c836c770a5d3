"""Where mail providers post what became of mail: SES through SNS, SendGrid, Mailgun and Postmark, verified on the bytes as they came."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field

from oportuno.channels.hearing import Hearing
from oportuno.entry.counted import count_heard
from oportuno.entry.http.api.door import FrontHere
from oportuno.entry.http.api.shapes import Shape
from oportuno.entry.http.bodies import collect_body
from oportuno.flows.hear_back import HearBack, HeardAs, hear_back
from oportuno.flows.mail_hooks import HEADERS, POST_CEILING, MailEar, MailPost, MailTeller, hear_mail_post
from oportuno.kit.faults import BadInput
from oportuno.wiring import Front

router = APIRouter(prefix="/v1/hooks/mail", tags=["hooks"])

_ANYTHING: Final[dict[str, Any]] = {"schema": {}}
_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": _ANYTHING, "text/plain": _ANYTHING}}}
HookId = Annotated[str, Path(description="The last part of the address: `hook_…`.", max_length=64)]


class HeardMailShape(Shape):
    """What became of a post."""

    success: bool = True
    heard: int = Field(description="How many events of it were heard; what says nothing of a message's fate is none.")


@router.post("/{provider}/{hook}", openapi_extra=_BODY)
async def told_by_provider(
    front: FrontHere, request: Request, provider: Literal["ses", "sendgrid", "mailgun", "postmark"], hook: HookId
) -> HeardMailShape:
    """Hear a webhook of a mail provider. What it is verified by is asked for, no key; the same event again changes nothing."""
    headers = request.headers
    announced = headers.get("content-length")
    raw = await collect_body(request.receive, announced=announced.encode() if announced else None, ceiling=POST_CEILING)
    if "\0" in hook:
        raise BadInput("request_malformed", "the address holds a NUL character")
    teller = MailTeller(provider)
    post = MailPost(
        provider=teller,
        hook=hook,
        raw=raw,
        headers={name: headers[name] for name in HEADERS[teller] if name in headers},
        address=request.client.host if request.client else "",
        now=time.time_ns() // 1_000_000,
    )
    return HeardMailShape(heard=await hear_mail_post(post, _ear_of(front, request), request.app.state.doorkeeper))


def _ear_of(front: Front, request: Request) -> MailEar:
    back = HearBack(hearings=front.hearings, store=front.store, programmes=front.programmes, intake=front.intake)
    sums = getattr(request.app.state, "sums", None)
    if sums is not None:
        back = back._replace(counted=partial(count_heard, sums))

    async def hear(hearing: Hearing) -> HeardAs:
        return await hear_back(hearing, back)

    return MailEar(hooks=front.mail_hooks, notary=front.notary, hear=hear)
