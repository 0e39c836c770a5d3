"""What a sender's domain tells of itself in the DNS, judged: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489).

A record that is missing or contradicts itself lets receivers turn mail away; each judgement says which and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from oportuno.kit.words import Words

_OPEN_ALL: Final = frozenset({"+all", "all"})
_LOOKUPS: Final = re.compile(r"^[+?~-]?(include|a|mx|ptr|exists)([:/].*)?$|^redirect=", re.IGNORECASE)
_MOST_LOOKUPS: Final = 10
"""RFC 7208, 4.6.4: a record that needs more than ten further questions is an error."""


class Judged(NamedTuple):
    """What is to be said of one record. `well` None: worth a thought, not wrong."""

    well: bool | None
    says: Words


def _well(en: str, es: str) -> Judged:
    return Judged(True, Words(en, es))  # noqa: FBT003 - a field's value


def _wrong(en: str, es: str) -> Judged:
    return Judged(False, Words(en, es))  # noqa: FBT003 - a field's value


def _perhaps(en: str, es: str) -> Judged:
    return Judged(None, Words(en, es))


def judge_spf(texts: Sequence[str]) -> Judged:
    """Judge the TXT records at the domain itself."""
    records = [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not records:
        return _wrong(
            "no SPF record: say in a TXT record of the domain which servers send for it",
            "no hay registro SPF: di en un registro TXT del dominio qué servidores envían por él",
        )
    if len(records) > 1:
        return _wrong(
            f"{len(records)} SPF records: there may be only one, or receivers take none",
            f"{len(records)} registros SPF: solo puede haber uno; si no, no vale ninguno",
        )
    words = records[0].split()[1:]
    lowered = [word.lower() for word in words]
    if any(word in _OPEN_ALL for word in lowered):
        return _wrong(
            "SPF allows everybody (+all): anyone may send in this name", "SPF deja enviar a todos (+all): cualquiera puede usar este nombre"
        )
    lookups = sum(bool(_LOOKUPS.match(word)) for word in words)
    if lookups > _MOST_LOOKUPS:
        return _wrong(
            f"SPF needs {lookups} further questions: at most ten are allowed", f"SPF necesita {lookups} consultas más: se permiten diez"
        )
    if not any(word in {"-all", "~all", "?all"} or word.startswith("redirect=") for word in lowered):
        return _perhaps(
            "SPF has no end (-all or ~all): who is not named is neither allowed nor refused",
            "SPF no termina (-all o ~all): a quien no se nombra ni se le deja ni se le rechaza",
        )
    return _well("SPF names who may send", "SPF dice quién puede enviar")


def judge_dkim(texts: Sequence[str], *, public_key: str = "") -> Judged:
    """Judge the TXT records at ``selector._domainkey.domain``; with the public key (base64) that we sign with, whether it is that one."""
    records = [tags for text in texts if "p" in (tags := _tags(text)) and tags.get("v", "DKIM1").upper() == "DKIM1"]
    if not records:
        return _wrong(
            "no DKIM key at the selector: publish the public part of the key that signs",
            "no hay clave DKIM en el selector: publica la parte pública de la clave que firma",
        )
    published = ["".join(tags["p"].split()) for tags in records]
    if not any(published):
        return _wrong("the DKIM key at the selector was withdrawn (p is empty)", "la clave DKIM del selector está retirada (p está vacío)")
    if public_key and public_key not in published:
        return _wrong("the DKIM key at the selector is another than the one that signs", "la clave DKIM del selector no es la que firma")
    if any("y" in tags.get("t", "").split(":") for tags in records):
        return _perhaps(
            "the DKIM key is marked as a trial (t=y): receivers may ignore it",
            "la clave DKIM está marcada como prueba (t=y): quien recibe puede no hacerle caso",
        )
    if public_key:
        return _well("DKIM publishes the key that signs", "DKIM publica la clave que firma")
    return _well("DKIM publishes a key", "DKIM publica una clave")


def judge_dmarc(texts: Sequence[str]) -> Judged:
    """Judge the TXT records at ``_dmarc.domain``."""
    records = [_tags(text) for text in texts if text.replace(" ", "").lower().startswith("v=dmarc1")]
    if not records:
        return _wrong(
            "no DMARC record: large receivers ask for one of whoever sends much",
            "no hay registro DMARC: los grandes proveedores de correo lo piden a quien envía mucho",
        )
    if len(records) > 1:
        return _wrong(f"{len(records)} DMARC records: receivers take none", f"{len(records)} registros DMARC: así no vale ninguno")
    policy = records[0].get("p", "").lower()
    if policy not in {"none", "quarantine", "reject"}:
        return _wrong("DMARC has no policy (p=none, quarantine or reject)", "DMARC no tiene política (p=none, quarantine o reject)")
    if policy == "none":
        return _perhaps(
            "DMARC only watches (p=none): who sends in this name falsely is let through",
            "DMARC solo mira (p=none): quien envía en falso con este nombre pasa",
        )
    return _well(f"DMARC asks to {policy} what is false", f"DMARC pide {_ASKED[policy]} lo falso")


_ASKED: Final = {"quarantine": "apartar", "reject": "rechazar"}


def _tags(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(";")]
    return {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}
