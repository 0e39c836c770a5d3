"""What is cancelled gives its place back at once; what was said keeps it."""

from __future__ import annotations

from oportuno.attention.ledger import Attention, Limit, confirm, release_about, reserve, room_from
from oportuno.kit.times import DAY, HOUR

DAILY = (Limit(at_most=1, per=DAY),)


def test_a_purchase_gives_back_the_place_of_a_message_about_what_was_bought() -> None:
    ana = Attention()
    reserve(ana, id=b"boots", channel="email", now=0, until=DAY, items=("boots", "mug"))
    assert room_from(ana, DAILY, HOUR) != HOUR
    assert release_about(ana, ("boots",))
    assert room_from(ana, DAILY, HOUR) == HOUR


def test_a_purchase_takes_no_place_of_what_was_already_said_or_is_about_something_else() -> None:
    ana = Attention()
    reserve(ana, id=b"boots", channel="email", now=0, until=DAY, items=("boots",))
    confirm(ana, id=b"boots", channel="email", now=HOUR)
    reserve(ana, id=b"lamp", channel="email", now=0, until=DAY, items=("lamp",))
    assert not release_about(ana, ("boots",))
    assert len(ana.touches) == 2
