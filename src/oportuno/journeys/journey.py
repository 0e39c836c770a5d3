"""A journey as published: trigger, filter, steps, goal, exit and re-entry. Built only by `journeys.read` from YAML."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from oportuno.kit.times import Millis
from oportuno.profile.purposes import Purpose


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A small typed condition on the event or the profile: can be printed and matched, is never evaluated as text."""

    op: Literal["all", "any", "not", "is", "in", "at_least", "at_most", "exists"]
    field: str = ""
    """For a leaf: ``event.<property>``, ``trait.<name>``, ``cart.count``, ``cart.total``, ``orders.count`` …"""
    value: Any = None
    rules: tuple[Rule, ...] = ()


class Wait(msgspec.Struct, frozen=True, kw_only=True, tag="wait"):
    """Let time pass."""

    id: str
    length: Millis


class WaitFor(msgspec.Struct, frozen=True, kw_only=True, tag="wait_for"):
    """Wait for one of the events, or until the time is over; then go to the step named, or on."""

    id: str
    events: tuple[str, ...]
    timeout: Millis
    restart_on: tuple[str, ...] = ()
    """Events that start the time anew: the customer is still busy."""
    then: str = ""
    """Where to go when the event came; empty: end the walk (``happened``)."""


class Branch(msgspec.Struct, frozen=True, kw_only=True, tag="branch"):
    """Go one way or the other."""

    id: str
    rule: Rule
    then: str
    otherwise: str = ""
    """Empty: the next step."""


class Send(msgspec.Struct, frozen=True, kw_only=True, tag="send"):
    """Propose a message; the gate and the decision have the word."""

    id: str
    message: str
    channel: str
    purpose: Purpose = Purpose.MARKETING
    topic: str = ""
    expires: Millis
    because: str
    """Which evidence sentence: ``cart_left`` …"""
    cost: int = 1
    worth: float = 0.0


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """End the walk."""

    id: str


Step: TypeAlias = Wait | WaitFor | Branch | Send | End


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """A programme that starts on a trigger and runs in steps."""

    key: str
    version: int
    names: dict[str, str] = {}
    """By language."""
    trigger: tuple[str, ...]
    """Event names that start it."""
    filter: Rule | None = None
    steps: tuple[Step, ...]
    exits: tuple[str, ...] = ()
    """Events that end a walk at once."""
    goal: tuple[str, ...] = ()
    """Events that mean it worked; they end the walk too."""
    reentry: Millis | None = None
    """How long after the end of a walk a customer may start again; None: never; 0: at once."""
    spread: Millis = 0
    """How much later than stated the time of a step may be over: customers whose waits end in one instant are spread over it."""
    active: bool = True
    on_publish: Literal["finish_old", "move"] = "finish_old"
    moves: dict[str, str] = {}
    """For `move`: old step id → new step id."""
