"""Answers about consent in somebody's file: what of them counts. A yes without its proof is none; a no needs none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from oportuno.channels.channel import Channel
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.kit.times import Millis
from oportuno.profile.purposes import Purpose

_PURPOSES: Final = {each.value: each for each in Purpose if each not in {Purpose.SERVICE, Purpose.MARKETING}}
_CHANNELS: Final = {each.value for each in Channel}
_NEEDED: Final = ("consent.method", "consent.source", "consent.at", "consent.notice", "consent.language")


class BroughtAnswer(NamedTuple):
    """An answer that a file tells, with what proves it."""

    purpose: Purpose
    channel: str
    state: Answered
    at: Millis
    """0: the file does not say; then it holds from now on."""
    source: str
    notice: str
    language: str
    actor: str
    proof: dict[str, Any]


def slot_of_field(field: str) -> tuple[Purpose, str] | None:
    """Say what `consent.email` or `consent.personalisation` answers; None: there is no such answer."""
    word = field.removeprefix("consent.")
    if word in _PURPOSES:
        return _PURPOSES[word], ANY_CHANNEL
    return (Purpose.MARKETING, word) if word in _CHANNELS else None


def answers_to_take(answers: Mapping[str, bool], told: Mapping[str, Any], *, file: str, row: int) -> tuple[list[BroughtAnswer], list[str]]:
    """Give the answers that count, and the fields of those that do not because something of their proof lacks."""
    taken: list[BroughtAnswer] = []
    unproven: list[str] = []
    proven = all(told.get(field) for field in _NEEDED)
    proof = {"file": file, "row": row}
    proof |= {word: told[f"consent.{word}"] for word in ("method", "evidence") if told.get(f"consent.{word}")}
    for field, yes in answers.items():
        place = slot_of_field(field)
        if place is None or (yes and not proven):
            unproven.append(field)
            continue
        taken.append(
            BroughtAnswer(
                *place,
                Answered.GRANTED if yes else Answered.DENIED,
                told.get("consent.at", 0),
                told.get("consent.source", "") or "import",
                told.get("consent.notice", ""),
                told.get("consent.language", ""),
                told.get("consent.actor", "") or "customer",
                proof,
            )
        )
    return taken, unproven
