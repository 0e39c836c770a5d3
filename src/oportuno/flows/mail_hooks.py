"""Hearing what a mail provider posts: is it really theirs, which of our messages is it about, and on to whoever hears back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from oportuno.channels.hearing import Hearing, Proof
from oportuno.channels.told import mailgun, postmark, sendgrid, ses
from oportuno.channels.told.signatures import FRESH, signed_by_mailgun, signed_by_postmark, signed_by_sendgrid
from oportuno.channels.told.sns import CONFIRM, NOTIFICATION, Posted, read_envelope, signed_by_sns
from oportuno.channels.told.telling import Around, Reader
from oportuno.events.reading import NESTING_CEILING
from oportuno.events.splitting import deeper_than
from oportuno.flows.limits import Doorkeeper
from oportuno.kit.faults import BadInput, NotFound, NotRecognised
from oportuno.kit.ids import WorkspaceId, derive
from oportuno.kit.times import Millis, to_datetime

POST_CEILING: Final = 2 * 1024 * 1024
"""Bytes of one post: SendGrid brings many events at once."""
MAIL_HOOKS_AT_MOST: Final = 20
"""Addresses of one workspace."""
_SNS_GREETING: Final = "Successfully validated SNS topic"
"""How SES tries a topic when it is chosen: a sentence, and no event."""
_DECODE: Final = msgspec.json.Decoder().decode


class MailTeller(StrEnum):
    """Who tells of mail that it took."""

    SES = "ses"
    SENDGRID = "sendgrid"
    MAILGUN = "mailgun"
    POSTMARK = "postmark"


HEADERS: Final[dict[MailTeller, tuple[str, ...]]] = {
    MailTeller.SES: (),
    MailTeller.SENDGRID: ("x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"),
    MailTeller.MAILGUN: (),
    MailTeller.POSTMARK: ("authorization",),
}
"""Of each, the headers by which its posts are verified."""
_READERS: Final[dict[MailTeller, Reader]] = {
    MailTeller.SES: ses.hearings,
    MailTeller.SENDGRID: sendgrid.hearings,
    MailTeller.MAILGUN: mailgun.hearings,
    MailTeller.POSTMARK: postmark.hearings,
}


class MailHook(msgspec.Struct, frozen=True, kw_only=True):
    """An address at which a mail provider posts."""

    workspace: WorkspaceId
    id: str
    """``hook_…``, the last part of the address."""
    provider: MailTeller
    name: str
    secret: bytes = b""
    """By which posts are verified: SendGrid's verification key, Mailgun's signing key, the password laid down for Postmark. SES: none."""
    topic: str = ""
    """Of SES: the SNS topic that may post here; empty: the first one that asks to."""
    made_at: Millis = 0
    last_at: Millis | None = None
    """When the last post came that was believed (to the minute)."""
    secret_lost: bool = False
    """It was sealed with a key that is not here: it has to be told anew. Only a list says so; whoever needs the secret is refused."""


class MailHooks(Protocol):
    """The addresses of all workspaces. Every call raises Unavailable when the store is gone."""

    async def hook(self, id: str) -> MailHook | None:  # noqa: A002 - the field's own word
        """Give one, of whatever workspace; None: there is no such address."""
        ...

    async def of(self, workspace: WorkspaceId) -> list[MailHook]:
        """Give those of a workspace, oldest first."""
        ...

    async def put(self, hook: MailHook) -> MailHook:
        """Write one, over what stood there, and give it as it stands: made when it was made first."""
        ...

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the field's own word
        """Take one away. False: there was none."""
        ...

    async def heard(self, id: str) -> None:  # noqa: A002 - the field's own word
        """Note that something came, at most once a minute."""
        ...

    async def pin(self, id: str, topic: str) -> bool:  # noqa: A002 - the field's own word
        """Let this topic post here, if none may yet. Says whether it is the one that may: of two that ask at once, one wins."""
        ...

    async def first_use(self, id: str, token: bytes, body: bytes) -> bool:  # noqa: A002 - the field's own word
        """Note which body a token came with. Says whether it is good for this one: new, or seen with the same. Forgotten after a day."""
        ...


class Notary(Protocol):
    """What SNS has at addresses of its own. Both raise Unavailable."""

    async def certificate(self, url: str) -> bytes:
        """Give a signing certificate in PEM."""
        ...

    async def confirm(self, url: str) -> None:
        """Follow the link that confirms a subscription."""
        ...


class MailEar(NamedTuple):
    """What hearing needs of the world."""

    hooks: MailHooks
    notary: Notary
    hear: Callable[[Hearing], Awaitable[object]]
    """Takes one hearing to its message. Raises Unavailable with nothing lost."""


class MailPost(msgspec.Struct, frozen=True, kw_only=True):
    """A post before anybody looked into it."""

    provider: MailTeller
    hook: str
    raw: bytes
    headers: Mapping[str, str]
    """By lower-case name, those of `HEADERS` that came."""
    address: str
    """Where it came from, for the limit per address. Not stored."""
    now: Millis


async def hear_mail_post(post: MailPost, ear: MailEar, doorkeeper: Doorkeeper) -> int:
    """Hear one post and say how many events of it were heard. Hearing it again changes nothing.

    Raises, with nothing heard, NotFound for an address that is not there, NotRecognised when it is not the provider's, BadInput when it
    cannot be read, Busy; and Unavailable, after which it may be heard in part: posted again, the rest follows.
    """
    doorkeeper.knock(post.address, post.now)
    hook = await ear.hooks.hook(post.hook)
    if hook is None or hook.provider is not post.provider:
        raise NotFound("hook_unknown", "nobody listens at this address")
    payload, proof = await _verified(post, hook, ear)
    doorkeeper.admit(post.address, hook.id, 1, post.now)
    await ear.hooks.heard(hook.id)
    around = Around(hook.provider.value, hook.workspace, proof, post.now)
    found = [] if payload is None else _READERS[hook.provider](payload, around)
    for hearing in found:
        await ear.hear(hearing)
    return len(found)


async def _verified(post: MailPost, hook: MailHook, ear: MailEar) -> tuple[Any, Proof]:
    """Give what was posted once it is clear who did, and how far that can be believed; None: there is nothing to hear in it."""
    headers = post.headers
    match hook.provider:
        case MailTeller.SENDGRID:
            signature, timestamp = (headers.get(name, "") for name in HEADERS[MailTeller.SENDGRID])
            if not signed_by_sendgrid(post.raw, hook.secret, signature=signature, timestamp=timestamp):
                raise _forged()
            return _payload(post.raw), Proof.SIGNED
        case MailTeller.POSTMARK:
            if not signed_by_postmark(headers.get("authorization", ""), hook.secret):
                raise _forged()
            return _payload(post.raw), Proof.SIGNED
        case MailTeller.MAILGUN:
            return await _of_mailgun(post, hook, ear)
        case MailTeller.SES:
            return await _of_sns(post, hook, ear), Proof.SIGNED


async def _of_mailgun(post: MailPost, hook: MailHook, ear: MailEar) -> tuple[Any, Proof]:
    """Verify what Mailgun signs: a token. It is good for one body; an old one that we never saw is heard, and not believed."""
    payload = _payload(post.raw)
    token = signed_by_mailgun(payload, hook.secret)
    if token is None:
        raise _forged()
    if not await ear.hooks.first_use(hook.id, derive("token", token.token), derive("body", post.raw)):
        raise NotRecognised("mail_hook_replayed", "this signature came before, with another body")
    return payload, Proof.SIGNED if abs(post.now - token.at) <= FRESH else Proof.BARE


async def _of_sns(post: MailPost, hook: MailHook, ear: MailEar) -> Any:
    posted = read_envelope(_payload(post.raw))
    if posted is None or (hook.topic and posted.topic != hook.topic):
        raise _forged()
    certificate = await ear.notary.certificate(posted.certificate_url)
    if not signed_by_sns(posted, certificate, to_datetime(post.now)):
        raise _forged()
    if posted.type == CONFIRM:
        if not await ear.hooks.pin(hook.id, posted.topic):
            raise _forged()
        await ear.notary.confirm(posted.subscribe_url)
        return None
    if not hook.topic:
        # Nobody may post before their subscription was confirmed.
        raise _forged()
    return _message(posted) if posted.type == NOTIFICATION else None


def _message(posted: Posted) -> Any:
    """Give the event in a notification; None for the sentence by which SES tries a topic."""
    if posted.message.startswith(_SNS_GREETING):
        return None
    raw = posted.message.encode()
    try:
        return _payload(raw)
    except BadInput:
        # Signed, and no event: kept, so that somebody can see what comes there.
        return {"eventType": "", "message": posted.message[:_SHOWN]}


_SHOWN: Final = 1_000


def _payload(raw: bytes) -> Any:
    # A NUL in it is no reason: a stranger's server that answers with one must not cost a whole batch. What is stored is rid of it.
    if deeper_than(raw, NESTING_CEILING):
        raise _unreadable()
    try:
        return _DECODE(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable() from error


def _unreadable() -> BadInput:
    return BadInput("mail_hook_unreadable", "what was posted is not readable JSON")


def _forged() -> NotRecognised:
    return NotRecognised("mail_hook_signature", "this is not verified as the provider's: is it the key of this address, or its topic?")
