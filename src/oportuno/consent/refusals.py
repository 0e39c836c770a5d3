"""Silence has a name: every reason not to speak, each one stored with its facts, counted and shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Refusal(StrEnum):
    """Why we did not, or do not yet, speak. Each has a sentence for the customer and the marketer in es and en."""

    NO_ADDRESS = "no_address"
    NO_CONSENT = "no_consent"
    CONSENT_PENDING = "consent_pending"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_EXPIRED = "consent_expired"
    SUPPRESSED = "suppressed"
    PAUSED = "paused"
    TOPIC_SKIPPED = "topic_skipped"
    ITEM_BOUGHT = "item_bought"
    ITEM_NOT_WANTED = "item_not_wanted"
    QUIET_HOURS = "quiet_hours"
    ZONE_UNKNOWN = "zone_unknown"
    LIMIT_REACHED = "limit_reached"
    LIMIT_UNREADABLE = "limit_unreadable"
    HELD_OUT = "held_out"
    EXPIRED = "expired"
    NOT_LIVE = "not_live"
    CLOCK_UNSURE = "clock_unsure"
    CUSTOMER_GONE = "customer_gone"
    GOAL_REACHED = "goal_reached"
    EXITED = "exited"
    BETTER_PROPOSAL = "better_proposal"
    ALREADY_SAID = "already_said"
    TEMPLATE_FAULT = "template_fault"
    TEMPLATE_MISSING = "template_missing"
    SANDBOX = "sandbox"
    STEP_VANISHED = "step_vanished"
    NOTHING_LEFT = "nothing_left"


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal with the facts it stands on: plain values, no personal data beyond what the customer's own page may show."""

    refusal: Refusal
    facts: dict[str, Any] = {}
    retry_at: int | None = None
    """When it may be otherwise (milliseconds): the proposal waits till then. None: silence."""
