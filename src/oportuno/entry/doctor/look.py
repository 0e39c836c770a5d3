"""The check-up: each thing is looked at, whatever became of the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import psutil

from oportuno.channels.mail_records import Judged, judge_dkim, judge_dmarc, judge_spf
from oportuno.consent.refusals import sentence
from oportuno.entry.doctor.finding import Finding, State, found, of_fault
from oportuno.entry.doctor.of_database import of_database, of_disk
from oportuno.entry.doctor.of_settings import of_settings
from oportuno.kit.faults import BadInput, Fault
from oportuno.kit.words import Words
from oportuno.settings import Settings
from oportuno.wiring import checkup

Texts: TypeAlias = Callable[[str], Awaitable[list[str] | None]]
Reached: TypeAlias = Callable[[checkup.Destination], Awaitable[Words | None]]
_WELL: Final = {True: State.OK, False: State.FAILURE, None: State.WARNING}


def examine(
    settings: Settings,
    *,
    embedded: Path | None,
    texts_of: Texts = checkup.texts_of,
    reached: Reached = checkup.reached,
    gone: Fault | None = None,
) -> list[Finding]:
    """Look at everything. `settings` name the database; `embedded` is the data directory when it is our own.

    `gone` is why our own database could not even be started: then everything else is looked at.
    """
    return asyncio.run(_examine(settings, embedded, texts_of, reached, gone))


async def _examine(settings: Settings, embedded: Path | None, texts_of: Texts, reached: Reached, gone: Fault | None) -> list[Finding]:
    shops = checkup.Shops()
    try:
        if gone is not None:
            raise gone
        seen = await asyncio.to_thread(checkup.look, settings)
        findings = of_database(seen, disk_used=_used(embedded), ceiling=settings.disk_ceiling)
        if seen.schema == seen.newest and not seen.unfinished:
            shops = await checkup.shops(settings)
    except Fault as fault:
        findings = [of_fault("database", fault)]
        if embedded is not None:
            findings.append(of_disk(_used(embedded), settings.disk_ceiling))
    for each in shops.unreadable:
        says = ("what it has laid down cannot be read by this release", "esta versión no puede leer lo que tiene publicado")
        findings.append(found("workspaces", State.FAILURE, *says, each))
    findings += of_settings(settings, embedded=embedded is not None, mails=bool(shops.domains))
    findings.append(await _mail_server(settings, reached, mails=bool(shops.domains)))
    findings += [await _provider(each, reached) for each in shops.providers]
    if shops.unopened:
        en = f"the secrets of {shops.unopened} cannot be opened: is this the sealing key by which they were sealed?"
        es = f"no se abren los secretos de {shops.unopened}: ¿es esta la clave con la que se sellaron?"
        findings.append(found("provider", State.FAILURE, en, es))
    findings += [_marketing(each) for each in shops.held]
    for domain in shops.domains:
        findings += await of_domain(domain, settings, texts_of)
    return findings


def _used(embedded: Path | None) -> float | None:
    """Say how much of the disk under a directory is used, of the nearest one that there is."""
    if embedded is None:
        return None
    there = next((each for each in (embedded, *embedded.absolute().parents) if each.is_dir()), Path("/"))
    return float(psutil.disk_usage(os.fspath(there)).percent) / 100


async def _mail_server(settings: Settings, reached: Reached, *, mails: bool) -> Finding:
    if not settings.smtp_host:
        if mails:
            en = "none is set (OPORTUNO_SMTP_HOST): what no provider of its own takes waits"
            es = "no hay ninguno (OPORTUNO_SMTP_HOST): espera lo que no sale por un proveedor propio"
            return found("mail server", State.WARNING, en, es)
        return found("mail server", State.NOT_ASKED, "none is set", "no hay ninguno")
    server = checkup.Destination("", settings.smtp_host, settings.smtp_port, tls=settings.smtp_security == "tls", greets=True)
    why_not = await reached(server)
    if why_not is None:
        return found("mail server", State.OK, "it greets", "saluda")
    return Finding("mail server", State.FAILURE, _at(server, why_not))


async def _provider(provider: checkup.Destination, reached: Reached) -> Finding:
    why_not = await reached(provider)
    if why_not is None:
        return found("provider", State.OK, "it can be reached", "se llega a él", provider.name)
    return Finding("provider", State.FAILURE, _at(provider, why_not), provider.name)


def _at(destination: checkup.Destination, why_not: Words) -> Words:
    """Name the host of a failure."""
    place = f"{destination.host}:{destination.port}"
    return Words(f"{place}: {why_not.en}", f"{place}: {why_not.es}")


def _marketing(held: checkup.Held) -> Finding:
    """Say by which rule of the house every message that a workspace's journeys send by e-mail falls silent."""
    says = (sentence(held.reason.refusal, reader="marketer", language=language) for language in ("en", "es"))
    signed = ", ".join(held.reason.facts.get("signed", []))
    more = (f" ({held.reason.facts['sender']} ≠ {signed})") if signed else ""
    # Whole sentences elsewhere; here a line goes on behind a colon.
    en, es = (each[:1].lower() + each[1:].rstrip(".") + more for each in says)
    return found("marketing", State.FAILURE, en, es, held.workspace)


async def of_domain(domain: str, settings: Settings, texts_of: Texts) -> list[Finding]:
    """Judge what a sender's domain tells in the DNS."""
    try:
        public_key = await asyncio.to_thread(checkup.dkim_public_key, settings)
    except BadInput as fault:
        return [of_fault("DKIM", fault, domain)]
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
            findings.append(found(kind, State.NOT_ASKED, f"the DNS does not answer for {name}", f"el DNS no contesta sobre {name}", domain))
            continue
        judged = judge(texts)
        findings.append(Finding(kind, _WELL[judged.well], judged.says, domain))
    if not settings.dkim_domain:
        findings.append(_others_sign(settings, domain))
    return findings


def _others_sign(settings: Settings, domain: str) -> Finding:
    if settings.provider_signs:
        en = "the mail server or the provider signs: look there"
        return found("DKIM", State.NOT_ASKED, en, "firma el servidor de correo o el proveedor: míralo allí", domain)
    en = "the installation has no key of its own: see that the providers sign"
    return found("DKIM", State.WARNING, en, "la instalación no tiene clave propia: mira que firmen los proveedores", domain)
