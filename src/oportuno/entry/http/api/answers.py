"""What a program with a secret key records for a customer: consents with their proof, channels that must stay silent, forgetting."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field, field_validator

from oportuno.channels.channel import Channel
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.entry.http.api.door import AnyId, Caller, FrontHere, find_customer
from oportuno.entry.http.api.shapes import CUSTOMER, Shape
from oportuno.flows.change import Heard
from oportuno.flows.record import Given, Registry
from oportuno.kit.faults import BadInput, NotFound
from oportuno.kit.ids import write_id
from oportuno.kit.times import Millis, parse_moment, to_text
from oportuno.profile.purposes import Purpose
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1/customers", tags=["answers"])

_DEPTH = 8
_PROOF_BYTES = 8_192

Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class ConsentShape(Shape):
    """An answer about consent, as it was given, with what proves it."""

    purpose: Literal["measurement", "personalisation", "on_site", "marketing", "location"]
    channel: str = Field(default=ANY_CHANNEL, description="For marketing: email or webhook. For the others: `*`.")
    state: Literal["granted", "denied", "withdrawn", "pending"]
    source: Word = Field(description="Where it was given: checkout, shop_counter, import …")
    notice: Word = Field(description="Version of the wording that was served.")
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] = Field(description="In which language it was served.")
    actor: Word = Field(description="Who says so: the customer, or the member of staff who took it down.")
    proof: dict[str, Any] = Field(default_factory=dict, description="What proves it: an order, a form, a recording; at most 8 KB.")
    at: str | None = Field(default=None, description="When it was given (RFC 3339); none: now. A moment to come counts as now.")
    expires: str | None = Field(default=None, description="Until when it holds; none: until it is withdrawn.")

    @field_validator("proof")
    @classmethod
    def _bounded(cls, proof: dict[str, Any]) -> dict[str, Any]:
        return bounded(proof)


class SuppressionShape(Shape):
    """A channel that must stay silent for this customer, whatever their consent."""

    channel: Literal["email", "webhook"]
    reason: Literal["manual", "complaint", "hard_bounce", "invalid"] = "manual"
    actor: Word = Field(description="Who says so.")
    proof: dict[str, Any] = Field(default_factory=dict)

    @field_validator("proof")
    @classmethod
    def _bounded(cls, proof: dict[str, Any]) -> dict[str, Any]:
        return bounded(proof)


class HeardShape(Shape):
    """What an answer did."""

    customer: str
    at: str = Field(description="Since when it holds.")
    changed: bool = Field(description="False: it was so already.")
    dropped: int = Field(description="How many messages and proposals that waited were dropped because of it.")


@router.post("/{customer}/consents")
async def record_consent(front: FrontHere, who: Caller, customer: AnyId, given: ConsentShape) -> HeardShape:
    """Record an answer about consent with its proof. The same answer sent twice changes nothing the second time."""
    channels = {channel.value for channel in Channel} if given.purpose == "marketing" else {ANY_CHANNEL}
    if given.channel not in channels:
        raise BadInput("channel_unknown", f"for {given.purpose} the channel is one of: {', '.join(sorted(channels))}", place="channel")
    key, _ = await find_customer(front, who, customer)
    heard = await _registry(front).record_consent(
        key,
        Given(
            purpose=Purpose(given.purpose),
            channel=given.channel,
            state=Answered(given.state),
            source=given.source,
            notice=given.notice,
            language=given.language,
            actor=given.actor,
            proof=given.proof,
            at=_moment(given.at, "at"),
            expires=_moment(given.expires, "expires"),
        ),
    )
    return _shown(key.customer, heard)


@router.post("/{customer}/suppressions")
async def suppress(front: FrontHere, who: Caller, customer: AnyId, given: SuppressionShape) -> HeardShape:
    """Stop a channel for this customer: what waits for it is dropped, and nothing more is sent by it. Doing it twice is doing it once."""
    key, _ = await find_customer(front, who, customer)
    heard = await _registry(front).suppress_channel(key, given.channel, given.reason, actor=given.actor, proof=given.proof)
    return _shown(key.customer, heard)


@router.delete("/{customer}", status_code=204, response_class=Response)
async def erase(front: FrontHere, who: Caller, customer: AnyId) -> Response:
    """Forget a customer everywhere. From the answer on nothing is said and nothing known; `Location` tells when nothing is stored.

    What remains is a tombstone that nothing can fill again. Asking twice is no error, nor is asking for somebody who is not here.
    """
    try:
        key, _ = await find_customer(front, who, customer)
    except NotFound:
        return Response(status_code=204)
    await _registry(front).erase(key)
    return Response(status_code=204, headers={"Location": f"/api/v1/erasures/{write_id(CUSTOMER, key.customer)}"})


def bounded(proof: dict[str, Any], *, most: int = _PROOF_BYTES) -> dict[str, Any]:
    """Check that a proof, or other data of a program's own, is small and shallow plain data. Raises ValueError."""
    if _depth(proof) > _DEPTH:
        raise ValueError("it is nested too deeply")
    try:
        size = len(msgspec.msgpack.encode(proof))
    except (OverflowError, TypeError, ValueError) as fault:
        raise ValueError("it holds something that cannot be kept") from fault
    if size > most:
        raise ValueError(f"it has more than {most} bytes")
    return proof


def _depth(value: Any, so_far: int = 1) -> int:
    if so_far > _DEPTH or not isinstance(value, (dict, list)):
        return so_far
    inside = value.values() if isinstance(value, dict) else value
    return max((_depth(each, so_far + 1) for each in inside), default=so_far)


def _moment(text: str | None, place: str) -> Millis:
    if text is None:
        return 0
    at = parse_moment(text)
    if at is None or at <= 0:
        raise BadInput("moment_malformed", "this is not a moment such as 2026-11-21T10:00:00Z", place=place)
    return at


def _registry(front: Front) -> Registry:
    return Registry(store=front.store, reads=front.reads, programmes=front.programmes)


def _shown(customer: int, heard: Heard) -> HeardShape:
    return HeardShape(customer=write_id(CUSTOMER, customer), at=to_text(heard.at), changed=heard.changed, dropped=heard.dropped)
