"""Put a message into words for its customer: what `deliver` calls, under the claim's lock, with the customer's own state at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from oportuno.content.click_links import Measured
from oportuno.content.given import given_mail
from oportuno.content.links import LinkMaker
from oportuno.content.message import Message, Rendered
from oportuno.content.render import render
from oportuno.content.seen import locale_of, seen, zone_of_customer
from oportuno.content.template import Template
from oportuno.flows.programme import Programme
from oportuno.kit.faults import NotFound
from oportuno.kit.times import Millis
from oportuno.moments.sending import GIVEN
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

_NONE: Final[Mapping[str, Template]] = MappingProxyType({})
Words: TypeAlias = Callable[[Message, Programme, Draft, Millis], Rendered]


def put_in_words(maker: LinkMaker, house: Mapping[str, Template] = _NONE) -> Words:
    """Give the function that renders messages with links of this installation. What a workspace lacks is taken from the `house`.

    It raises NotFound (``template_missing``) when the workspace has no such message any more, and TemplateFault when it cannot be rendered.
    """

    def worded(message: Message, programme: Programme, draft: Draft, now: Millis) -> Rendered:
        given = message.said.context.get(GIVEN) if not message.said.template else None
        if given is not None:
            return given_mail(
                given, msgspec.structs.asdict(programme.brand), channel=message.said.channel, language=_language(message, draft, programme)
            )
        template = programme.templates.get(message.said.template) or house.get(message.said.template)
        if template is None or template.channel != message.said.channel:
            raise NotFound("template_missing", f"there is no message “{message.said.template}” for {message.said.channel}")
        brand, profile = msgspec.structs.asdict(programme.brand), seen(draft)
        # From the permit, not from now: a resend of the same message carries the same links.
        links = maker.links(message, message.permitted_at, cart_url=programme.brand.cart_url)
        measured = None
        if Purpose.MEASUREMENT in draft.granted:
            measured = Measured(
                workspace=message.key.workspace,
                message=message.id,
                key=maker.key,
                links=links,
                brand=brand,
                profile=profile,
                context=message.said.context,
            )
        return render(
            message,
            template,
            profile=profile,
            links=links,
            brand=brand,
            languages=programme.policy.languages,
            locale=message.said.because.facts.get("language") or locale_of(draft),
            now=now,
            tz=zone_of_customer(draft) or programme.policy.timezone,
            measured=measured,
        )

    return worded


def _language(message: Message, draft: Draft, programme: Programme) -> str:
    """Say in which language a body is that was given whole: as it was told, else the one that the customer is written to in."""
    told = str(message.said.because.facts.get("language") or "")
    own = (locale_of(draft) or "").replace("_", "-").split("-")[0].lower()
    languages = programme.policy.languages
    return told or (own if own in languages else next(iter(languages), "en"))
