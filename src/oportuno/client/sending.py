"""One transactional message, as it goes over the wire; and what the server makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, TypedDict

import msgspec

from oportuno.client.faults import CallMalformed, Refused, Silent
from oportuno.client.retrying import refusal
from oportuno.client.shown import Reason
from oportuno.client.wire import Answer

Basis: TypeAlias = Literal["contract", "legal_obligation", "vital"]
"""On what ground one may write without being asked. Marketing has none of these: it goes through journeys."""
KEY: Final = "idempotency-key"
_ACCEPTED: Final = 202
_SILENT: Final = "message_silent"
_KEY_AT_MOST: Final = 200


class Letter(TypedDict, total=False):
    """Whom it is for (one of the four), and of a body that is given whole its parts."""

    customer: str
    user_id: str
    anonymous_id: str
    email: str
    """An address of whom nothing else is known."""
    subject: str
    html: str
    text: str
    language: str
    """None given: the customer's own."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way."""

    message: str
    """``msg_…``."""
    customer: str
    at: datetime
    """When it was decided to send it."""
    expires_at: datetime
    key: str = ""
    """By which the request can be asked again."""
    again: bool = False
    """The same was asked for before: this is the answer of then, and nothing more was sent."""


class _Silence(msgspec.Struct):
    code: str = ""
    detail: str = ""
    message: str = ""
    reason: Reason | None = None


def write_letter(template: str, data: Mapping[str, Any], basis: str, letter: Letter, expires_in: timedelta | None) -> bytes:
    """Write what is to be sent. Raises CallMalformed."""
    unknown = letter.keys() - Letter.__annotations__.keys()
    if unknown:
        raise CallMalformed("argument_unknown", "a message has no such argument", place=min(unknown))
    told: dict[str, Any] = {"basis": basis, **letter}
    if template:
        told["template"] = template
    if data:
        told["data"] = dict(data)
    if expires_in is not None:
        told["expires_in"] = int(expires_in.total_seconds())
    try:
        return msgspec.json.encode(told)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as fault:
        raise CallMalformed("value_unwritable", "a value has no JSON: texts, numbers, lists, mappings, dates and None have") from fault


def checked_key(key: str) -> str:
    """Give a key that can name a request. Raises CallMalformed."""
    if not 0 < len(key) <= _KEY_AT_MOST or not key.isascii() or not key.isprintable():
        raise CallMalformed("key_malformed", f"the key of a request has 1 to {_KEY_AT_MOST} printable ASCII characters", place="key")
    return key


def sent_from(answer: Answer, key: str) -> Sent:
    """Read what became of it. Raises Silent, Refused."""
    if answer.status == _ACCEPTED:
        try:
            sent = msgspec.json.decode(answer.body, type=Sent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise Refused("answer_unknown", "the answer is not of a server of this release", status=answer.status) from fault
        return msgspec.structs.replace(sent, key=key, again=answer.headers.get("idempotent-replayed") == "true")
    refused = refusal(answer.status, answer.body)
    if refused.code == _SILENT:
        try:
            silence = msgspec.json.decode(answer.body, type=_Silence)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise refused from None
        raise Silent(silence.code, silence.detail, status=answer.status, message=silence.message, reason=silence.reason)
    raise refused
