"""The check-up: each thing is looked at, whatever became of the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import psutil

from oportuno.channels.mail_records import Judged, judge_dkim, judge_dmarc, judge_spf
from oportuno.entry.doctor.finding import Finding, State, found, of_database, of_settings
from oportuno.kit.faults import BadInput, Fault
from oportuno.settings import Settings
from oportuno.wiring import checkup

Texts: TypeAlias = Callable[[str], Awaitable[list[str] | None]]
_WELL = {True: State.OK, False: State.FAILURE, None: State.WARNING}


def examine(settings: Settings, *, embedded: Path | None, texts_of: Texts = checkup.texts_of) -> list[Finding]:
    """Look at everything. `settings` name the database; `embedded` is the data directory when it is our own."""
    return asyncio.run(_examine(settings, embedded, texts_of))


async def _examine(settings: Settings, embedded: Path | None, texts_of: Texts) -> list[Finding]:
    shops = checkup.Shops((), ())
    try:
        seen = await asyncio.to_thread(checkup.look, settings)
        findings = of_database(seen, disk_used=_used(embedded), ceiling=settings.disk_ceiling)
        if seen.schema == seen.newest and not seen.unfinished:
            shops = await checkup.shops(settings)
    except Fault as fault:
        findings = [found("database", State.FAILURE, fault.sentence)]
    findings += [found("workspaces", State.FAILURE, f"what {each} has laid down cannot be read") for each in shops.unreadable]
    findings += of_settings(settings, embedded=embedded is not None, mails=bool(shops.domains))
    findings.append(await _mail_server(settings, mails=bool(shops.domains)))
    for domain in shops.domains:
        findings += await of_domain(domain, settings, texts_of)
    return findings


def _used(embedded: Path | None) -> float | None:
    if embedded is None:
        return None
    return float(psutil.disk_usage(os.fspath(embedded)).percent) / 100


async def _mail_server(settings: Settings, *, mails: bool) -> Finding:
    if not settings.smtp_host:
        if mails:
            return found("mail server", State.WARNING, "none is set: what no provider of its own takes waits")
        return found("mail server", State.NOT_ASKED, "none is set")
    why_not = await checkup.greets(settings)
    return found("mail server", State.FAILURE if why_not else State.OK, why_not or "it greets")


async def of_domain(domain: str, settings: Settings, texts_of: Texts) -> list[Finding]:
    """Judge what a sender's domain tells in the DNS."""
    try:
        public_key = await asyncio.to_thread(checkup.dkim_public_key, settings)
    except BadInput as fault:
        return [found(f"DKIM of {domain}", State.FAILURE, fault.sentence)]
    questions: list[tuple[str, str, Callable[[Sequence[str]], Judged]]] = [
        ("SPF", domain, judge_spf),
        ("DMARC", f"_dmarc.{domain}", judge_dmarc),
    ]
    if settings.dkim_domain:
        name = f"{settings.dkim_selector}._domainkey.{settings.dkim_domain}"
        questions.append(("DKIM", name, lambda texts: judge_dkim(texts, public_key=public_key)))
    findings = []
    for kind, name, judge in questions:
        texts = await texts_of(name)
        if texts is None:
            findings.append(found(f"{kind} of {domain}", State.NOT_ASKED, "the DNS does not answer"))
            continue
        judged = judge(texts)
        findings.append(found(f"{kind} of {domain}", _WELL[judged.well], judged.says))
    if not settings.dkim_domain:
        says = (
            "the mail server or the provider signs: look there" if settings.provider_signs else "no key is set, and nobody is said to sign"
        )
        findings.append(found(f"DKIM of {domain}", State.NOT_ASKED if settings.provider_signs else State.WARNING, says))
    return findings
