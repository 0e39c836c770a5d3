"""The mailbox: mails as they would have left, to look at on a phone, on a desktop, as plain text, and with their headers."""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from oportuno.entry.demo.pages import moment, render, say
from oportuno.entry.demo.stage import SECURITY, Stage, Visitor, page, visitor_of
from oportuno.flows.ports import Letter
from oportuno.kit.times import Millis

VIEWS: Final = ("phone", "desktop", "dark", "text", "headers")
_MOST: Final = 100
_LETTER_POLICY: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'self'; "
    "frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_DARK: Final = re.compile(r"@media\s*\(\s*prefers-color-scheme:\s*dark\s*\)", re.IGNORECASE)
_HEAD: Final = re.compile(r"<head[^>]*>", re.IGNORECASE)


def mail_routes(stage: Stage) -> APIRouter:
    """Give the mailbox's routes, without the prefix."""
    router = APIRouter()

    @router.get("/{language}/mail")
    async def inbox(request: Request, language: str, who: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        return await _mailbox(stage, visitor, _who(visitor, who), None, "phone")

    @router.get("/{language}/mail/rows")
    async def rows(request: Request, language: str, who: str = "", open: str = "") -> Response:  # noqa: A002 - the query's own word
        visitor = visitor_of(request, language, stage.setting)
        facts = await _rows(stage, visitor, _who(visitor, who), open[:32])
        common = {"wait_seconds": stage.setting.wait_seconds}
        return HTMLResponse(render("mail_rows", language, {**common, **facts}), headers={**SECURITY, "X-Newest": facts["newest"]})

    @router.get("/{language}/mail/{letter_id}")
    async def read(request: Request, language: str, letter_id: str, who: str = "", view: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        found = await _letter(stage, letter_id)
        shown = view if view in VIEWS else "phone"
        return await _mailbox(stage, visitor, _who(visitor, who), found, shown, status=200 if found is not None else 404)

    @router.get("/mail/{letter_id}/html")
    async def body(letter_id: str, dark: str = "") -> Response:
        found = await _letter(stage, letter_id)
        if found is None:
            return Response(status_code=404)
        html = part_of(mail_of(found), "html") or "<pre></pre>"
        # A mail client opens links beside the mail; inside our frame that must be said.
        based = _HEAD.sub(lambda head: head[0] + '<base target="_blank">', html, count=1)
        return HTMLResponse(in_dark(based) if dark else based, headers=_LETTER_POLICY)

    return router


def _who(visitor: Visitor, who: str) -> str:
    return who if who in {"me", "all"} else ("me" if visitor.email else "all")


async def _letter(stage: Stage, letter_id: str) -> Letter | None:
    try:
        raw = bytes.fromhex(letter_id)
    except ValueError:
        return None
    return await stage.mailbox.letter(stage.setting.workspace, raw) if raw else None


async def letters_for(stage: Stage, address: str) -> list[Letter]:
    """Give the latest letters, newest first; with an address, only those to it."""
    letters = await stage.mailbox.letters(stage.setting.workspace, _MOST)
    return [letter for letter in letters if not address or letter.address.casefold() == address.casefold()]


async def _rows(stage: Stage, visitor: Visitor, who: str, open_id: str) -> dict[str, Any]:
    letters = await letters_for(stage, (visitor.email or "-") if who == "me" else "")
    now = await stage.reads.now()
    return {
        "who": who,
        "open_id": open_id,
        "newest": letters[0].id.hex() if letters else "",
        "rows": [_row(letter, now, visitor.language) for letter in letters],
    }


def _row(letter: Letter, now: Millis, language: str) -> dict[str, Any]:
    mail = mail_of(letter)
    return {
        "id": letter.id.hex(),
        "subject": letter.subject,
        "sender": sender_of(mail),
        "when": moment(letter.at, now, language),
        "address": letter.address,
        "preview": " ".join(part_of(mail, "plain").split())[:110],
    }


async def _mailbox(stage: Stage, visitor: Visitor, who: str, letter: Letter | None, view: str, *, status: int = 200) -> Response:
    language = visitor.language
    facts = {
        **await _rows(stage, visitor, who, letter.id.hex() if letter else ""),
        "open": letter is not None,
        "views": [{"key": key, "name": say(language, f"view_{key}")} for key in VIEWS],
        "current_view": view,
        "pick": say(language, "mail_pick" if status == 200 else "mail_gone"),  # noqa: PLR2004 - OK
        "mail": {},
    }
    if letter is not None:
        mail, now = mail_of(letter), await stage.reads.now()
        facts["mail"] = {
            **_row(letter, now, language),
            "text": part_of(mail, "plain"),
            "headers": "\n".join(f"{name}: {value}" for name, value in mail.items()),
        }
    return page(stage, visitor, "mail", "mail", facts, status=status)


def in_dark(html: str) -> str:
    """Show a mail as a mail program in dark mode would, whatever the browser's own mode: what it says of the dark holds always."""
    return _DARK.sub("@media all", html)


def mail_of(letter: Letter) -> EmailMessage:
    """Read a letter as a mail client would; a webhook's body becomes a mail of plain text."""
    if letter.raw[:1] == b"{":
        mail = EmailMessage()
        mail.set_content(letter.raw.decode(errors="replace"))
        return mail
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(letter.raw)


def part_of(mail: EmailMessage, kind: str) -> str:
    """Give the ``plain`` or the ``html`` part of a mail; empty when there is none."""
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def sender_of(mail: EmailMessage) -> str:
    """Give the name that a mail client shows for the sender."""
    found = mail["from"]
    if found is None or not found.addresses:
        return ""
    address = found.addresses[0]
    return str(address.display_name or address.addr_spec)
