"""Which settings contradict each other, or leave something important unsaid."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeAlias

from oportuno.entry.doctor.finding import Finding, State, found
from oportuno.settings import Settings

_Wrong: TypeAlias = Callable[[State, str, str], None]


def of_settings(settings: Settings, *, embedded: bool, mails: bool) -> list[Finding]:
    """Say what is wrong with them. `mails`: some workspace sends e-mail for real."""
    findings: list[Finding] = []

    def wrong(state: State, en: str, es: str) -> None:
        findings.append(found("settings", state, en, es))

    if settings.dkim_domain and settings.dkim_key_file is None:
        wrong(
            State.FAILURE,
            "OPORTUNO_DKIM_DOMAIN is set, but no OPORTUNO_DKIM_KEY_FILE",
            "está OPORTUNO_DKIM_DOMAIN, pero falta OPORTUNO_DKIM_KEY_FILE",
        )
    if settings.dkim_key_file is not None and not settings.dkim_domain:
        wrong(
            State.WARNING,
            "OPORTUNO_DKIM_KEY_FILE is set, but no OPORTUNO_DKIM_DOMAIN: nothing is signed with it",
            "está OPORTUNO_DKIM_KEY_FILE, pero falta OPORTUNO_DKIM_DOMAIN: no se firma nada con ella",
        )
    _of_mail_server(settings, wrong)
    _of_links(settings, wrong, mails=mails)
    if not embedded and settings.erasures_file is None:
        wrong(
            State.WARNING,
            "OPORTUNO_ERASURES_FILE is not set: a backup that is restored remembers who was forgotten since",
            "falta OPORTUNO_ERASURES_FILE: una copia restaurada recuerda a quien pidió el olvido después",
        )
    if settings.allow_loopback_webhooks:
        wrong(
            State.WARNING,
            "OPORTUNO_ALLOW_LOOPBACK_WEBHOOKS is on: it is for trying things only",
            "está OPORTUNO_ALLOW_LOOPBACK_WEBHOOKS: es solo para pruebas",
        )
    return findings or [found("settings", State.OK, "the settings fit each other", "los ajustes casan entre sí")]


def _of_mail_server(settings: Settings, wrong: _Wrong) -> None:
    if settings.smtp_security == "none" and settings.smtp_password.get_secret_value() and not _here(settings.smtp_host):
        wrong(
            State.FAILURE,
            "OPORTUNO_SMTP_SECURITY is none: the password goes over the network for all to read",
            "OPORTUNO_SMTP_SECURITY es none: la contraseña va por la red a la vista de todos",
        )
    if settings.smtp_user and not settings.smtp_password.get_secret_value():
        wrong(
            State.WARNING,
            "OPORTUNO_SMTP_USER is set, but no OPORTUNO_SMTP_PASSWORD",
            "está OPORTUNO_SMTP_USER, pero falta OPORTUNO_SMTP_PASSWORD",
        )


def _of_links(settings: Settings, wrong: _Wrong, *, mails: bool) -> None:
    if mails and not settings.public_url:
        wrong(
            State.WARNING,
            "OPORTUNO_PUBLIC_URL is not set: links in mails lead to this machine only",
            "falta OPORTUNO_PUBLIC_URL: los enlaces de los correos llevan solo a esta máquina",
        )
    if mails and settings.public_url.startswith("http://") and not _here(_host_of(settings.public_url)):
        wrong(
            State.WARNING,
            "OPORTUNO_PUBLIC_URL is without TLS: links in mails can be read on their way",
            "OPORTUNO_PUBLIC_URL va sin TLS: los enlaces de los correos se pueden leer por el camino",
        )


def _host_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition(":")[0]


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}
