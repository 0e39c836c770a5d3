"""What a check-up finds, in both languages."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from oportuno.kit.faults import Fault
from oportuno.kit.words import Words


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    WARNING = "warning"
    """Worth a thought."""
    FAILURE = "failure"
    NOT_ASKED = "not_asked"
    """Nobody answered, or there is nothing to ask."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    about: str
    """A name for programs, of a domain or a workspace behind `whose`."""
    state: State
    words: Words
    whose: str = ""

    @property
    def named(self) -> str:
        """Name the thing for programs."""
        return f"{self.about} of {self.whose}" if self.whose else self.about

    @property
    def says(self) -> str:
        """Give the sentence in English."""
        return self.words.en

    def line(self, language: str) -> str:
        """Give a line for people."""
        state = STATES[self.state].told(language)
        about = ABOUT[self.about].told(language) if self.about in ABOUT else self.about
        of = {"es": " de "}.get(language[:2], " of ") + self.whose if self.whose else ""
        return f"{state:<{_WIDTH}}  {about}{of}: {self.words.told(language)}"


def found(about: str, state: State, en: str, es: str, whose: str = "") -> Finding:
    """Give a finding."""
    return Finding(about, state, Words(en, es), whose)


def of_fault(about: str, fault: Fault, whose: str = "") -> Finding:
    """Say a fault as a failure, in a line."""
    en = fault.sentence.partition("\n")[0]
    at = f" ({fault.place})" if fault.place and fault.place not in en else ""
    return Finding(about, State.FAILURE, Words(en + at, FAULTS.get(fault.code, en) + (f" ({fault.place})" if fault.place else "")), whose)


STATES: Final = {
    State.OK: Words("ok", "bien"),
    State.WARNING: Words("warning", "aviso"),
    State.FAILURE: Words("failure", "fallo"),
    State.NOT_ASKED: Words("not asked", "no se sabe"),
}
_WIDTH: Final = max(len(word) for words in STATES.values() for word in words)
ABOUT: Final = {
    "database": Words("database", "base de datos"),
    "disk": Words("disk", "disco"),
    "restore": Words("restore", "restauración"),
    "schema": Words("schema", "esquema"),
    "clock": Words("clock", "reloj"),
    "plans": Words("plans", "índices"),
    "engines": Words("engines", "motores"),
    "events": Words("events", "eventos"),
    "timers": Words("timers", "temporizadores"),
    "messages": Words("messages", "mensajes"),
    "set aside": Words("set aside", "apartados"),
    "partitions": Words("partitions", "particiones"),
    "erasures": Words("erasures", "olvidos"),
    "settings": Words("settings", "ajustes"),
    "mail server": Words("mail server", "servidor de correo"),
    "provider": Words("provider", "proveedor"),
    "workspaces": Words("workspaces", "espacios"),
    "marketing": Words("marketing", "publicidad"),
}
"""What is looked at. SPF, DKIM and DMARC are called the same everywhere."""
FAULTS: Final = {
    "database_gone": "la base de datos no contesta",
    "database_address": "no se entiende la dirección de la base de datos: es como postgresql://usuario@servidor/nombre",
    "schema_newer": "esta base de datos la escribió una versión más nueva de Oportuno",
    "not_migrated": "la base de datos aún no tiene el esquema de Oportuno: ejecuta «oportuno migrate»",
    "restore_unfinished": "una restauración no llegó al final: ejecuta otra vez «oportuno restore»",
    "data_dir_unusable": "no se puede usar el directorio de datos",
    "data_dir_in_use": "otro «oportuno serve» trabaja en este directorio de datos",
    "dkim_key_unreadable": "la clave DKIM no es una clave privada PEM sin cifrar, o no se puede leer",
    "dkim_key_missing": "hay un dominio DKIM, pero no un fichero con su clave",
    "dkim_key_unfit": "una clave DKIM es RSA de 1024 bits al menos, o Ed25519",
}
"""In Spanish, the faults that end what a check-up asks."""
