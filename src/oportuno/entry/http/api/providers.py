"""The providers that a workspace hands its mail to; and how its sending domains stand with those who receive it."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import BeforeValidator, Field, SecretStr

from oportuno.channels.brake import ANY, Brake
from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.shapes import Shape
from oportuno.flows.may_start import broken_rule
from oportuno.flows.programme import Brand
from oportuno.flows.providers import PROVIDERS_AT_MOST, DomainStanding, OwnProvider, Release, Signing
from oportuno.kit.faults import BadInput, Conflict, NotFound
from oportuno.kit.ids import write_id
from oportuno.kit.times import to_text
from oportuno.wiring.ways import check_provider, signed

router = APIRouter(prefix="/api/v1", tags=["providers"])

Kind = Literal["smtp", "ses", "sendgrid", "mailgun", "postmark"]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Domain = Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+)?$")]
Setting = Annotated[SecretStr, Field(max_length=1000), BeforeValidator(lambda told: str(told) if type(told) is int else told)]
"""A text; a port may come as the number that it is."""
ProviderId = Annotated[str, Path(description="Of a provider: `prov_…`.", max_length=64)]
Place = Annotated[int, Field(ge=0, le=1000)]


class ProviderGiven(Shape):
    """A provider to hand mail to."""

    kind: Kind
    name: Name = Field(description="By which you know it.")
    settings: Annotated[dict[str, Setting], Field(max_length=20)] = Field(
        description="What it has to be told, all of it text. smtp: `host`, `port`, `security` (starttls, tls, none), `user`, `password`;"
        " ses: `region`, `access_key`, `secret_key`; sendgrid: `api_key`; mailgun: `domain`, `api_key`, `region`; postmark: `server_token`."
        " Passwords and keys are stored sealed and never shown again."
    )
    signs: Domain = Field(
        default="",
        description="The domain for which it signs mail (DKIM), both List-Unsubscribe headers included: you have looked at a mail of it."
        " Empty: it does not; then our own key does where the provider sends a mail on as it is (smtp, mailgun).",
    )
    place: Place = Field(default=100, description="The lowest is tried first.")


class ProviderChanged(Shape):
    """What is to be different. What is not sent stays as it was."""

    name: Name | None = None
    settings: Annotated[dict[str, Setting | None], Field(max_length=20)] | None = Field(
        default=None, description="Settings to put over those that are there; null takes one away."
    )
    signs: Domain | None = None
    place: Place | None = None


class ProviderShape(Shape):
    """A provider. Of what is secret it only tells that it is set."""

    provider: str
    kind: str
    name: str
    settings: dict[str, str] = Field(description="What may be shown.")
    secrets: list[str] = Field(description="Which secret settings are set.")
    secrets_lost: bool = Field(description="They were sealed with a key that is not here: tell them anew. Nothing goes by it before.")
    signs: str
    place: int
    marketing: str = Field(
        description="The refusal by which no marketing goes by it: `no_postal_address`, `mail_unsigned`, `sender_unaligned`."
        " Empty: it goes, or the brand has no sender yet."
    )
    made_at: str
    changed_at: str


class ProviderList(Shape):
    """The workspace's providers, in the order in which they are tried. After them comes the installation's mail server, if it has one."""

    items: list[ProviderShape]


class StandingShape(Shape):
    """How mail of a domain fared over the last seven days."""

    domain: str
    receivers: str = Field(description="A group of receivers (`gmail`, `outlook`, …, `other`); empty: all together.")
    accepted: int = Field(description="Mails that were taken.")
    complaints: int = Field(description="How many of them were called spam; those before a release do not count.")
    brake: Literal["none", "slow", "stop"] = Field(
        description="slow, from 0.1 % and 3 complaints: a tenth of the pace, and only what is worth something."
        " stop, from 0.3 % and 5 complaints: marketing waits."
    )


class StandingList(Shape):
    """How the workspace's sending domains stand."""

    items: list[StandingShape]


class ReleaseGiven(Shape):
    """A person's word that marketing goes again."""

    domain: Annotated[str, Field(min_length=1, max_length=253)]
    receivers: Annotated[str, Field(max_length=40)] = Field(default=ANY, description="One group of receivers; empty: all.")
    reason: Annotated[str, Field(min_length=10, max_length=500, pattern=r"^[^\x00]*$")] = Field(
        description="Why it is right to go on: kept with your key."
    )


@router.get("/providers")
async def providers(front: FrontHere, who: Caller) -> ProviderList:
    """Give the providers, in the order in which they are tried."""
    brand = (await front.programmes.programme(who.workspace)).brand
    return ProviderList(items=[_shape(front, each, brand) for each in await front.providers.of(who.workspace)])


@router.post("/providers")
async def lay_down_provider(front: FrontHere, who: Caller, given: ProviderGiven) -> ProviderShape:
    """Lay a provider down; deliverers know it within seconds. A workspace has at most 10."""
    if len(await front.providers.of(who.workspace)) >= PROVIDERS_AT_MOST:
        raise Conflict("providers_too_many", f"a workspace has at most {PROVIDERS_AT_MOST} providers")
    settings, secrets = _parted(front, given.kind, {name: value.get_secret_value() for name, value in given.settings.items()})
    provider = OwnProvider(
        workspace=who.workspace,
        id=write_id("prov", os.urandom(16)),
        place=given.place,
        kind=given.kind,
        name=given.name,
        settings=settings,
        secrets=secrets,
        signs=given.signs,
    )
    return await _put(front, provider)


@router.patch("/providers/{provider}")
async def change_provider(front: FrontHere, who: Caller, provider: ProviderId, given: ProviderChanged) -> ProviderShape:
    """Change a provider. Where it is reached anew, its secrets have to be given anew: whoever changes the address is not handed the key."""
    known = next((each for each in await front.providers.of(who.workspace) if each.id == provider), None)
    if known is None:
        raise _unknown()
    settings, secrets = known.settings, known.secrets
    if known.secrets_lost and given.settings is None:
        raise _secrets_lost()
    if given.settings is not None:
        told = {name: None if value is None else value.get_secret_value() for name, value in given.settings.items()}
        moved = any(name in told and told[name] != known.settings.get(name) for name in _WHERE)
        if moved and any(not told.get(name) for name in known.secrets):
            raise BadInput("provider_secrets_again", "with another address its secrets have to be given anew", place="settings")
        merged = {name: value for name, value in ({**known.settings, **known.secrets} | told).items() if value is not None}
        settings, secrets = _parted(front, known.kind, merged)
        if known.secrets_lost and not secrets and None not in told.values():
            raise _secrets_lost()
    changed = msgspec.structs.replace(
        known,
        name=known.name if given.name is None else given.name,
        place=known.place if given.place is None else given.place,
        signs=known.signs if given.signs is None else given.signs,
        settings=settings,
        secrets=secrets,
        secrets_lost=False,
    )
    return await _put(front, changed)


@router.delete("/providers/{provider}", status_code=204, response_class=Response)
async def drop_provider(front: FrontHere, who: Caller, provider: ProviderId) -> Response:
    """Take a provider away: within seconds nothing goes by it any more."""
    if not await front.providers.drop(who.workspace, provider):
        raise _unknown()
    return Response(status_code=204)


@router.get("/sending")
async def sending(front: FrontHere, who: Caller) -> StandingList:
    """Give how the workspace's sending domains stand, over the last seven days."""
    return StandingList(items=[_standing(each) for each in await front.domains.of(who.workspace)])


@router.post("/sending/release")
async def release(front: FrontHere, who: Caller, given: ReleaseGiven) -> StandingList:
    """Let a braked domain go: what was complained about until now counts no more. It is braked again when as much comes again."""
    if not any(each.domain == given.domain and each.receivers == given.receivers for each in await front.domains.of(who.workspace)):
        raise NotFound("domain_unknown", "nothing is known of this domain and these receivers")
    await front.domains.release(
        Release(workspace=who.workspace, domain=given.domain, receivers=given.receivers, reason=given.reason, actor=who.key_id)
    )
    return StandingList(items=[_standing(each) for each in await front.domains.of(who.workspace)])


_WHERE = ("host", "port", "endpoint", "region", "security")
"""Settings that say to whom the secrets are told."""
_BRAKES: dict[Brake, Literal["none", "slow", "stop"]] = {Brake.NONE: "none", Brake.SLOW: "slow", Brake.STOP: "stop"}


def _parted(front: FrontHere, kind: str, told: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part what may be shown from what may not. Raises BadInput when nothing can be sent by these settings."""
    try:
        secret = check_provider(kind, told, allow_loopback=front.settings.allow_loopback_webhooks)
    except BadInput as fault:
        raise BadInput(fault.code, fault.sentence, place=f"settings.{fault.place}") from fault
    shown = {name: value for name, value in told.items() if name not in secret}
    return shown, {name: value for name, value in told.items() if name in secret}


def _secrets_lost() -> BadInput:
    sentence = "its secrets were sealed with a key that is not here: they have to be told anew, or said to be none (null)"
    return BadInput("secret_lost", sentence, place="settings")


def _unknown() -> NotFound:
    return NotFound("provider_unknown", "there is no such provider in this workspace")


async def _put(front: FrontHere, provider: OwnProvider) -> ProviderShape:
    brand = (await front.programmes.programme(provider.workspace)).brand
    return _shape(front, await front.providers.put(provider), brand)


def _shape(front: FrontHere, provider: OwnProvider, brand: Brand) -> ProviderShape:
    broken = broken_rule(brand, [signed(Signing(provider.kind, provider.signs), front.settings)], sandbox=False)
    return ProviderShape(
        provider=provider.id,
        kind=provider.kind,
        name=provider.name,
        settings=provider.settings,
        secrets=sorted(provider.secrets),
        secrets_lost=provider.secrets_lost,
        signs=provider.signs,
        place=provider.place,
        marketing=broken.reason.refusal.value if broken else "",
        made_at=to_text(provider.made_at),
        changed_at=to_text(provider.changed_at),
    )


def _standing(each: DomainStanding) -> StandingShape:
    return StandingShape(
        domain=each.domain, receivers=each.receivers, accepted=each.accepted, complaints=each.complaints, brake=_BRAKES[each.brake]
    )
