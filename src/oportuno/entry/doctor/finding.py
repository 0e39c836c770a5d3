"""What a check-up finds, and what of the database, the disk and the settings is well."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from typing import Final

import msgspec

from oportuno.adapters.postgres.checkup import Checkup
from oportuno.settings import Settings

_MINUTE: Final = 60.0
_OLDEST: Final = 160_000
"""PostgreSQL 16."""
_NEARLY_FULL: Final = 0.8


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    WARNING = "warning"
    """Worth a thought."""
    FAILURE = "failure"
    NOT_ASKED = "not_asked"
    """Nobody answered, or there is nothing to ask."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    about: str
    state: State
    says: str


def found(about: str, state: State, says: str) -> Finding:
    """Give a finding."""
    return Finding(about=about, state=state, says=says)


def of_database(seen: Checkup, *, disk_used: float | None, ceiling: float) -> list[Finding]:
    """Judge the database and its disk."""
    major = seen.version // 10_000
    findings = [
        found("database", State.OK, f"PostgreSQL {major} answers")
        if seen.version >= _OLDEST
        else found("database", State.FAILURE, f"PostgreSQL {major} is too old: 16 or newer is needed"),
        _disk(disk_used, ceiling),
    ]
    if seen.unfinished:
        return [*findings, found("restore", State.FAILURE, "a backup was not restored to the end: run “oportuno restore” again")]
    if seen.schema != seen.newest:
        says = f"the schema is {seen.schema or 'missing'}, this release's is {seen.newest}: run “oportuno migrate”"
        return [*findings, found("schema", State.FAILURE, says)]
    return [*findings, found("schema", State.OK, f"the schema is {seen.schema}"), _clock(seen.clock_off), _plans(seen), *_work(seen)]


def _disk(used: float | None, ceiling: float) -> Finding:
    if used is None:
        return found("disk", State.NOT_ASKED, "the database's disk is not on this machine")
    says = f"{used:.0%} of the disk is used"
    if used >= ceiling:
        return found("disk", State.FAILURE, f"{says}: nothing more is taken in from {ceiling:.0%} on")
    return found("disk", State.WARNING if used >= _NEARLY_FULL else State.OK, says)


def _clock(off: float) -> Finding:
    says = f"this machine's clock is {abs(off):.1f} s {'before' if off > 0 else 'behind'} the database's"
    if abs(off) > 10:  # noqa: PLR2004 - seconds: signatures and links begin to fail
        return found("clock", State.FAILURE, says)
    if abs(off) > 1:
        return found("clock", State.WARNING, says)
    return found("clock", State.OK, "this machine's clock and the database's agree")


def _plans(seen: Checkup) -> Finding:
    if seen.unindexed:
        return found("plans", State.FAILURE, f"no index is used for: {', '.join(seen.unindexed)}")
    if seen.invalid_indexes:
        return found("plans", State.FAILURE, f"{seen.invalid_indexes} indexes are invalid: rebuild them (REINDEX)")
    return found("plans", State.OK, "statements find their indexes")


def _work(seen: Checkup) -> list[Finding]:
    findings = [
        found("engines", State.OK if seen.engines else State.WARNING, f"{seen.engines} engines work"),
        _age("events", seen.unread_age, "the oldest event that waits for an engine came"),
        _age("timers", seen.timer_age, "the oldest timer was due"),
        _age("messages", seen.message_age, "the oldest message could have left"),
    ]
    if seen.set_aside:
        findings.append(found("set aside", State.WARNING, f"{seen.set_aside} events could not be evaluated"))
    if not seen.tomorrow:
        findings.append(found("partitions", State.FAILURE, "there is no place for tomorrow's events: an engine must run, it keeps house"))
    if seen.forgetting_late:
        says = f"{seen.forgetting_late} erasures are not done after a day: an engine must run"
        findings.append(found("erasures", State.FAILURE, says))
    return findings


def _age(about: str, seconds: float, says: str) -> Finding:
    if not seconds:
        return found(about, State.OK, "nothing waits")
    state = State.FAILURE if seconds > 10 * _MINUTE else State.WARNING if seconds > _MINUTE else State.OK
    return found(about, state, f"{says} {seconds:.0f} s ago")


def of_settings(settings: Settings, *, embedded: bool, mails: bool) -> list[Finding]:
    """Say which settings contradict each other, or leave something important unsaid. `mails`: some workspace sends e-mail for real."""
    findings = []

    def wrong(state: State, says: str) -> None:
        findings.append(found("settings", state, says))

    if settings.dkim_domain and settings.dkim_key_file is None:
        wrong(State.FAILURE, "OPORTUNO_DKIM_DOMAIN is set, but no OPORTUNO_DKIM_KEY_FILE")
    if settings.dkim_key_file is not None and not settings.dkim_domain:
        wrong(State.WARNING, "OPORTUNO_DKIM_KEY_FILE is set, but no OPORTUNO_DKIM_DOMAIN: nothing is signed with it")
    if settings.smtp_security == "none" and settings.smtp_password.get_secret_value() and not _here(settings.smtp_host):
        wrong(State.FAILURE, "OPORTUNO_SMTP_SECURITY is none: the password goes over the network for all to read")
    if settings.smtp_user and not settings.smtp_password.get_secret_value():
        wrong(State.WARNING, "OPORTUNO_SMTP_USER is set, but no OPORTUNO_SMTP_PASSWORD")
    if mails and not settings.public_url:
        wrong(State.WARNING, "OPORTUNO_PUBLIC_URL is not set: links in mails lead to this machine only")
    if mails and settings.public_url.startswith("http://") and not _here(_host_of(settings.public_url)):
        wrong(State.WARNING, "OPORTUNO_PUBLIC_URL is without TLS: links in mails can be read on their way")
    if not embedded and settings.erasures_file is None:
        wrong(State.WARNING, "OPORTUNO_ERASURES_FILE is not set: a backup that is restored remembers who was forgotten since")
    if settings.allow_loopback_webhooks:
        wrong(State.WARNING, "OPORTUNO_ALLOW_LOOPBACK_WEBHOOKS is on: it is for trying things only")
    return findings or [found("settings", State.OK, "the settings fit each other")]


def _host_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition(":")[0]


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}
