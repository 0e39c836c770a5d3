"""A mail whose body a program gave whole: it goes out as it was given. Nothing in it is evaluated, and nothing is put around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oportuno.content.message import Rendered
from oportuno.content.plain_text import plain_text
from oportuno.content.render import SUBJECT_LIMIT, sender_of


def given_mail(given: Mapping[str, str], brand: Mapping[str, Any], *, channel: str, language: str) -> Rendered:
    """Put a given body into the form of its channel: the subject on one line, a text made from the HTML where none was given."""
    html = given.get("html", "")
    return Rendered(
        channel=channel,
        language=language,
        subject=" ".join(given["subject"].split())[:SUBJECT_LIMIT],
        html=html,
        text=given.get("text") or plain_text(html),
        headers={"Content-Language": language},
        sender=sender_of(brand),
        reply_to=str(brand.get("reply_to") or ""),
    )
