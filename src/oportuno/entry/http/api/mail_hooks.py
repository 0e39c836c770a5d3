"""The addresses that a workspace gives to its mail providers, and what their posts are verified by."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr

from oportuno.channels.told.signatures import reads_as_key
from oportuno.channels.told.sns import TOPIC
from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.posting import HookId, changed, close, known, new_id, shown
from oportuno.entry.http.api.shapes import Shape
from oportuno.flows.mail_hooks import MAIL_HOOKS_AT_MOST, MailHook, MailTeller
from oportuno.kit.faults import BadInput

router = APIRouter(prefix="/api/v1/mail-hooks", tags=["hooks"])

_SHORTEST_SECRET = 16
Word = Annotated[str, Field(max_length=100, min_length=1, pattern=r"^[^\x00]*$")]
Topic = Annotated[str, Field(max_length=350, pattern=r"^[^\x00]*$")]
Secret = Annotated[SecretStr, Field(max_length=1000)]
Teller = Literal["ses", "sendgrid", "mailgun", "postmark"]


class MailHookGiven(Shape):
    """An address to open."""

    provider: Teller
    name: Word = Field(description="By which you know it.")
    secret: Secret = Field(
        default=SecretStr(""),
        description="SendGrid: the verification key of its signed event webhook. Mailgun: the webhook signing key. Postmark: a password"
        " that you choose, of at least 16 characters. SES: none. Never shown again.",
    )
    topic: Topic = Field(
        default="", description="SES only: the ARN of the SNS topic that may post here. Empty: the first one whose subscription asks to."
    )


class MailHookChanged(Shape):
    """What is to be different. What is not sent stays as it was."""

    name: Word | None = None
    secret: Secret | None = Field(default=None, description="What is verified by the old one is refused from now on.")
    topic: Topic | None = Field(default=None, description="SES only; empty: the next one whose subscription asks to.")


class MailHookShape(Shape):
    """An address that is open. What its posts are verified by is never shown."""

    hook: str
    provider: Teller
    name: str
    address: str = Field(description="Where the provider is to post.")
    topic: str = Field(description="SES only: the topic that may post here; empty: none yet.")
    made_at: str
    last_at: str | None = Field(description="When the last post came that was believed, to the minute; null: none yet.")
    secret_lost: bool = Field(description="It was sealed with a key that is not here: tell it anew. Nothing posted is believed before.")


class MailHookList(Shape):
    """The addresses of the workspace."""

    items: list[MailHookShape]


@router.get("")
async def mail_hooks(front: FrontHere, who: Caller) -> MailHookList:
    """Give the addresses, oldest first."""
    return MailHookList(items=[_shape(front, each) for each in await front.mail_hooks.of(who.workspace)])


@router.post("")
async def open_mail_hook(front: FrontHere, who: Caller, given: MailHookGiven) -> MailHookShape:
    """Open an address. A workspace has at most 20."""
    name = await new_id(front.mail_hooks, who.workspace, most=MAIL_HOOKS_AT_MOST, whose="its mail providers")
    hook = MailHook(
        workspace=who.workspace,
        id=name,
        provider=MailTeller(given.provider),
        name=given.name,
        secret=given.secret.get_secret_value().strip().encode(),
        topic=given.topic,
    )
    return _shape(front, await front.mail_hooks.put(_fit(hook)))


@router.patch("/{hook}")
async def change_mail_hook(front: FrontHere, who: Caller, hook: HookId, given: MailHookChanged) -> MailHookShape:
    """Change an address's name, what its posts are verified by, or its topic."""
    to_be = changed(
        await known(front.mail_hooks, who.workspace, hook),
        name=given.name,
        secret=None if given.secret is None else given.secret.get_secret_value().strip().encode(),
        topic=given.topic,
    )
    return _shape(front, await front.mail_hooks.put(_fit(to_be)))


@router.delete("/{hook}", status_code=204, response_class=Response)
async def close_mail_hook(front: FrontHere, who: Caller, hook: HookId) -> Response:
    """Close an address: whatever is posted there is refused from now on."""
    return await close(front.mail_hooks, who.workspace, hook)


def _fit(hook: MailHook) -> MailHook:
    """Give it back if posts can be verified by what it has. Raises BadInput."""
    ses = hook.provider is MailTeller.SES
    if bool(hook.secret) is ses or (hook.topic and not ses):
        raise BadInput("mail_hook_key_unfit", "SES is verified by its topic, every other provider by a secret", place="secret")
    if hook.topic and not TOPIC.fullmatch(hook.topic):
        raise BadInput("mail_hook_key_unfit", "a topic is the ARN of an SNS topic", place="topic")
    if hook.provider is MailTeller.SENDGRID and not reads_as_key(hook.secret):
        raise BadInput("mail_hook_key_unfit", "this is not the verification key as SendGrid shows it", place="secret")
    if not ses and len(hook.secret) < _SHORTEST_SECRET:
        raise BadInput("mail_hook_key_unfit", f"a secret has at least {_SHORTEST_SECRET} characters", place="secret")
    return hook


def _shape(front: FrontHere, hook: MailHook) -> MailHookShape:
    return MailHookShape(
        provider=hook.provider.value,
        name=hook.name,
        topic=hook.topic,
        **shown(front, hook, f"mail/{hook.provider.value}"),
    )
