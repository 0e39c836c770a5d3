"""What one demonstration was set up with: kept in its data directory, so that the next start takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from oportuno.entry.demo.history import Product
from oportuno.kit.times import Millis

LANGUAGES: Final = ("es", "en")
ZONE: Final = "Europe/Madrid"
LOCALES: Final = {"es": "es-ES", "en": "en-GB"}
_FILE: Final = "demo.json"
_PROGRESS: Final = "progress.json"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody the visitor can be."""

    key: str
    """The user id in the shop's events; empty: nobody known."""
    name: str
    email: str = ""
    may_write: bool = False
    """Simulated: yes to marketing by e-mail."""
    may_remember: bool | None = None
    """Simulated: the answer about remembering what was looked at; None: never answered."""
    orders: int = 0
    """How many real orders stand behind the profile."""

    @property
    def answered(self) -> str:
        """Which sentence tells what this person said: a key of the words."""
        if self.may_write:
            return "person_all" if self.may_remember else "person_mail"
        return "person_unknown" if self.may_remember is None else "person_no"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A demonstration that is ready, or being made ready."""

    workspace: int
    public_id: str
    write_key: str
    secret_key: str
    ends: Millis
    """Where history was made to end."""
    wait_seconds: int
    """The cart's shortened wait."""
    loaded: bool = False
    """Whether the whole history was acknowledged."""
    shelved: str = ""
    """The address that the catalogue's products were written with; empty: there is no catalogue yet."""
    orders: int = 0
    households: int = 0
    lines: int = 0
    data: str = "complete-journey"
    """Which data set it stands on."""
    currency: str = "USD"
    """The data's own currency."""
    products: tuple[Product, ...] = ()
    people: tuple[Person, ...] = ()

    def product(self, id: str) -> Product | None:  # noqa: A002 - the field's own word
        """Give the product with this id, if the shop has it."""
        return next((product for product in self.products if product.id == id), None)

    def person(self, key: str) -> Person | None:
        """Give the person with this key, if there is one."""
        return next((person for person in self.people if person.key == key), None)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the loading is, for the pages that are open meanwhile."""

    what: str
    """What is being loaded: the end of a key of the words (``loading_…``)."""
    done: int = 0
    whole: int = 0

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return min(99, self.done * 100 // self.whole) if self.whole else 0


def read_progress(folder: Path) -> Progress | None:
    """Give how far the loading is; None when nothing is being loaded."""
    try:
        return msgspec.json.decode((folder / _PROGRESS).read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_progress(folder: Path, progress: Progress | None) -> None:
    """Say how far the loading is, or that it is over."""
    if progress is None:
        (folder / _PROGRESS).unlink(missing_ok=True)
        return
    fresh = folder / f"{_PROGRESS}.new"
    fresh.write_bytes(msgspec.json.encode(progress))
    fresh.replace(folder / _PROGRESS)


def read_setting(folder: Path) -> Setting | None:
    """Give the setting kept in a folder; None when there is none that this version can read."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Setting)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_setting(folder: Path, setting: Setting) -> None:
    """Keep a setting. The file holds a key, so only its owner may read it."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{_FILE}.new"
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(setting))
    fresh.replace(folder / _FILE)
