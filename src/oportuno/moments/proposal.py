"""A candidate message for one customer, before anybody decided on it."""

from __future__ import annotations

from oportuno.content.said import Said
from oportuno.kit.times import Millis


class Proposal(Said, frozen=True, kw_only=True):
    """What a journey would like to say."""

    made_at: Millis
    not_before: Millis = 0
