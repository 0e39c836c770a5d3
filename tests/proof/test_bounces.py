"""A real mail server's reports are understood, in a small form; `make proof PART=bounces` makes the large one."""

from __future__ import annotations

from provoked import FEW, provoke
from recorded import AUTOMATIC, DELAYED, HARD, NO_BOUNCE, UNCLEAR


def test_what_exim_says_of_missing_full_and_unwilling_mailboxes_is_understood_as_what_it_is() -> None:
    done = provoke(FEW)
    assert done.faults == []
    assert done.hard_of_soft == 0
    assert done.sent == len(FEW)


def test_no_recorded_bounce_has_two_labels() -> None:
    labels = (HARD, DELAYED, AUTOMATIC, NO_BOUNCE, UNCLEAR)
    assert len(frozenset().union(*labels)) == sum(len(names) for names in labels)
