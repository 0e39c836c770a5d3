"""A message definition: what one template says in each language of the workspace."""

from __future__ import annotations

import msgspec

from oportuno.profile.purposes import Purpose


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """A template in one language, Liquid throughout. For e-mail, `html` is the MJML compiled when it was published."""

    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    """A hand-written plain-text part; empty: made from the HTML."""
    mjml: str = ""
    """The MJML as it was written, for export."""
    plain: str = ""
    """The plain-text part as it is rendered: `text`, or what was made from the HTML when it was published."""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A message definition as published: checked, compiled, ready to render."""

    key: str
    version: int
    channel: str
    purpose: Purpose
    topic: str = ""
    wordings: dict[str, Wording] = {}
    """By language; the workspace's first language is the fallback."""
    url: str = ""
    """For a webhook: where to."""
    secret: str = ""
    """For a webhook: the Standard Webhooks secret (``whsec_…``); never shown or logged."""
    payload: str = ""
    """For a webhook: a Liquid template of a JSON object; empty: the standard body."""
    utm: dict[str, str] = {}
    example: str = ""
    """Of a service message that a program sends: an example of the data that comes with it, as JSON; empty: none comes."""
