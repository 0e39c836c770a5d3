"""Transactional messages: one request, one message, whatever the network does; and what became of it, step by step."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, Request, Response
from pydantic import Field, field_validator

from oportuno.channels.channel import Channel
from oportuno.content.wording import findings
from oportuno.entry.http.api.answers import bounded
from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.shapes import CUSTOMER, MESSAGE, ProblemShape, ReasonShape, Shape, reason_shape
from oportuno.entry.http.problems import MEDIA_TYPE, problem_of
from oportuno.flows.programme import Programme
from oportuno.flows.put_in_words import put_in_words
from oportuno.flows.send import KEY, Office, Sent, Whom, send
from oportuno.kit.faults import BadInput, Conflict
from oportuno.kit.ids import read_customer, write_id
from oportuno.kit.times import DAY, SECOND, to_text
from oportuno.moments.sending import BASES, Sending
from oportuno.profile.who import email_in
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1", tags=["messages"])

DATA_BYTES: Final = 16_384
_HTML_AT_MOST: Final = 200_000
_TEXT_AT_MOST: Final = 100_000
_ID_AT_MOST: Final = 200
_OF_MARKETING: Final = frozenset({"consent", "legitimate_interest", "legitimate_interests", "marketing", "promotion", "soft_opt_in"})

Id = Annotated[str, Field(min_length=1, max_length=_ID_AT_MOST, pattern=r"^[^\x00]*$")]
Key = Annotated[
    str,
    Header(
        alias=KEY,
        min_length=1,
        max_length=_ID_AT_MOST,
        pattern=r"^[\x20-\x7e]+$",
        description="Names this request, for 31 days: asked again with the same key, it is answered again and nothing more is sent.",
    ),
]


class SendShape(Shape):
    """A message to send. Who: exactly one of `customer`, `user_id`, `anonymous_id` and `email`. What: `template`, or a body given whole."""

    customer: Annotated[str, Field(max_length=64)] | None = Field(default=None, description="`cus_…`")
    user_id: Id | None = None
    anonymous_id: Id | None = None
    email: Annotated[str, Field(max_length=254)] | None = Field(
        default=None, description="An address of whom nothing else is known. No consent follows from it."
    )
    template: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Key of a published message of purpose service."
    )
    data: dict[str, Any] = Field(default_factory=dict, description="What the template sees as `data`; at most 16 KB.")
    subject: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="Of a body given whole.")
    html: Annotated[str, Field(max_length=_HTML_AT_MOST)] | None = Field(
        default=None, description="Sent as it is: nothing in it is evaluated."
    )
    text: Annotated[str, Field(max_length=_TEXT_AT_MOST)] | None = Field(default=None, description="None: made from the HTML.")
    basis: Annotated[str, Field(max_length=64)] = Field(
        description="Why the shop may write without being asked: `contract`, `legal_obligation` or `vital`."
    )
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = Field(default=None, description="None: the customer's own.")
    expires_in: Annotated[int, Field(ge=60, le=30 * DAY // SECOND)] = Field(
        default=2 * DAY // SECOND, description="Seconds; what is not handed over by then is not sent."
    )

    @field_validator("data")
    @classmethod
    def _bounded(cls, data: dict[str, Any]) -> dict[str, Any]:
        return bounded(data, most=DATA_BYTES)


class SentShape(Shape):
    """A message on its way. Where it is: `GET /api/v1/messages/{message}`; how it got there: its story."""

    message: str
    customer: str
    at: str = Field(description="When it was decided to send it.")
    expires_at: str


class SilentShape(ProblemShape):
    """It is not sent, and why: the verdict stands in the store, and the same request is answered the same again."""

    message: str = Field(description="The proposal's id: `GET /api/v1/messages/{message}/why` explains it.")
    customer: str
    reason: ReasonShape


def _described(shape: type[ProblemShape]) -> dict[str, Any]:
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"content": {MEDIA_TYPE: {"schema": schema}}}


_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "It is not sent: the gate says no, and `reason` why; or what was asked for cannot be.", **_described(SilentShape)},
    429: {"description": "The disk is nearly full; try again after `Retry-After` seconds.", **_described(ProblemShape)},
}


@router.post("/messages", status_code=202, response_model=SentShape, responses=_ANSWERS)
async def order(front: FrontHere, who: Caller, *, request: Request, response: Response, key: Key, asked: SendShape) -> SentShape | Response:
    """Send one service message: an order's confirmation, a password's reset, a recall. Asking again with the same key sends nothing more.

    It needs no consent and is no way for marketing: its purpose is service, its ground is named, and an address that does not work stays
    closed (409). Quiet hours and limits do not hold it.
    """
    request.app.state.doorkeeper.hold(0, await front.intake.fullness())
    programme = await front.programmes.programme(who.workspace)
    sent = await send(_whom(asked), _sending(asked, programme), workspace=who.workspace, key=key, office=office_of(front))
    if sent.again:
        response.headers["Idempotent-Replayed"] = "true"
    if sent.silence is not None:
        return _silent(request, sent)
    return SentShape(
        message=write_id(MESSAGE, sent.message),
        customer=write_id(CUSTOMER, sent.key.customer),
        at=to_text(sent.at),
        expires_at=to_text(sent.expires_at),
    )


def office_of(front: Front) -> Office:
    """Give what sending needs of the world."""
    return Office(
        store=front.store,
        reads=front.reads,
        programmes=front.programmes,
        intake=front.intake,
        words=put_in_words(front.links),
        digest_key=front.digest_key,
    )


def _whom(asked: SendShape) -> Whom:
    named = [name for name in ("customer", "user_id", "anonymous_id", "email") if getattr(asked, name) is not None]
    if len(named) != 1:
        sentence = "name whom it is for by exactly one of customer, user_id, anonymous_id and email"
        raise BadInput("recipient_unclear", sentence, place=named[1] if named else "user_id")
    if asked.email is None:
        return Whom(customer=_customer(asked.customer), user=asked.user_id or "", anonymous=asked.anonymous_id or "")
    address = email_in(asked.email)
    if address is None:
        raise BadInput("address_malformed", "this is not an e-mail address", place="email")
    return Whom(address=address)


def _customer(told: str | None) -> int:
    if told is None:
        return 0
    try:
        return read_customer(told)
    except BadInput as fault:
        raise BadInput(fault.code, fault.sentence, place="customer") from fault


def _sending(asked: SendShape, programme: Programme) -> Sending:
    basis = asked.basis
    if basis in _OF_MARKETING:
        sentence = f"“{basis}” is marketing's ground: what promotes goes through journeys, with a yes; here only {', '.join(BASES)} will do"
        raise BadInput("basis_of_marketing", sentence, place="basis")
    if basis not in BASES:
        raise BadInput("basis_unknown", f"the basis is one of: {', '.join(BASES)}", place="basis")
    common: dict[str, Any] = {"basis": basis, "language": asked.language or "", "lasts": asked.expires_in * SECOND}
    given = {name: value for name in ("subject", "html", "text") if (value := getattr(asked, name)) is not None}
    if asked.template is not None:
        if given:
            raise BadInput("body_unclear", "send a template, or a subject with html or text, and not both", place=next(iter(given)))
        return Sending(**common, channel=_channel(asked.template, programme), template=asked.template, data=asked.data)
    if asked.data:
        raise BadInput(
            "data_without_template", "nothing in a body that is given whole is evaluated: data goes with a template", place="data"
        )
    checked: dict[str, Any] = _checked(given, asked.language or next(iter(programme.policy.languages), "en"))
    return Sending(**common, **checked, channel=Channel.EMAIL.value)


def _channel(template: str, programme: Programme) -> str:
    found = programme.templates.get(template)
    return found.channel if found is not None else Channel.EMAIL.value


def _checked(given: dict[str, str], language: str) -> dict[str, str]:
    """Hold a body against what a mail needs, and against what we do not say to a customer, as every published message is."""
    for name, others in (("subject", ("subject",)), ("html", ("html", "text"))):
        if not any(given.get(other, "").strip() for other in others):
            raise BadInput("body_unclear", "a body that is given whole has a subject, and html or text", place=name)
    for name, words in given.items():
        for found in findings(words, language):
            sentence = f"“{found.found}” is not said to a customer ({found.why}); for example: {found.instead}"
            raise BadInput("wording_forbidden", sentence, place=name)
    return given


def _silent(request: Request, sent: Sent) -> Response:
    reason = reason_shape(sent.silence) if sent.silence is not None else None
    sentence = reason.marketer["en"] if reason is not None else ""
    fault = Conflict("message_silent", f"this message is not sent. {sentence}")
    told: dict[str, Any] = msgspec.to_builtins(problem_of(fault, instance=request.url.path))
    told |= {
        "message": write_id(MESSAGE, sent.message),
        "customer": write_id(CUSTOMER, sent.key.customer),
        "reason": reason.model_dump() if reason is not None else None,
    }
    headers = {"Idempotent-Replayed": "true"} if sent.again else {}
    return Response(msgspec.json.encode(told), status_code=fault.status, media_type=MEDIA_TYPE, headers=headers)
