"""One claim's hand-off: by the way that was chosen, and by the next one at once where a provider certainly took nothing.

Only what is refused for now *about the provider* goes on to the next way, and only as long as the claim holds; everything else ends here.
So an unknown of marketing is never given to anybody else, and two providers never have the same message between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from oportuno.channels.brake import group_of
from oportuno.channels.channel import NOT_BEGUN, Answer, Channel, Outcome, Window
from oportuno.channels.pace import Lanes, Pace
from oportuno.channels.ways import domain_of
from oportuno.content.message import Message, Rendered
from oportuno.flows.ports import Clock
from oportuno.flows.ways import Way, lane_of

_LONGEST: Final = 200
"""Characters of a note about an answer."""


class HandedOff(NamedTuple):
    """How it ended."""

    answer: Answer
    """The last way's, with who it was."""
    begun: bool
    """Whether anything of the message left."""
    tried: tuple[Answer, ...]
    """Every way's, in turn."""


async def hand_off(
    message: Message,
    rendered: Rendered,
    address: str,
    window: Window,
    *,
    way: Way,
    ways: Sequence[Way],
    lanes: Lanes,
    pace: Pace,
    clock: Clock,
) -> HandedOff:
    """Hand off within the window, by `way` and then by the others of `ways` that do not rest.

    The claim has entered `lanes`; they are left here, and `pace` hears of each answer. Never raises for what a provider does.
    """
    mail = message.said.channel == Channel.EMAIL
    about = {"sender": domain_of(rendered.sender), "receiver": group_of(address)} if mail else {}
    tried: list[Answer] = []
    left, raw = [each for each in ways if each is not way], NOT_BEGUN
    while True:
        raw = await _give(way, message, rendered, address, window)
        answer = msgspec.structs.replace(raw, way=way.lane, **about)
        tried.append(answer)
        follower = _entered(left, pace, clock.monotonic()) if _elsewhere(answer) and clock.monotonic() < window.begin_by else None
        if follower is None:
            pace.hear(lanes._replace(provider=lane_of(way)), answer, clock.monotonic())
            break
        # The places on the other lanes are kept for the next way.
        pace.hear(Lanes(lane_of(way), "", ""), answer, clock.monotonic())
        left.remove(follower)
        way = follower
    if _elsewhere(answer) and any(not pace.resting(lane_of(each), clock.monotonic()) for each in ways):
        # The claim is over, and there is a way that may do better: by a fresh claim, and at once.
        answer = msgspec.structs.replace(answer, retry_after=0)
    return HandedOff(_told(answer, tried[:-1]), raw != NOT_BEGUN, tuple(tried))


def _elsewhere(answer: Answer) -> bool:
    return answer.outcome is Outcome.REFUSED_FOR_NOW and answer.about == "provider"


def _entered(left: Sequence[Way], pace: Pace, now: float) -> Way | None:
    for each in left:
        name = lane_of(each)
        if not pace.resting(name, now) and pace.enter(Lanes(name, "", ""), now) <= 0:
            return each
    return None


def _told(answer: Answer, before: Sequence[Answer]) -> Answer:
    if not before:
        return answer
    earlier = ", ".join(f"{each.way}: {each.detail}" for each in before)
    return msgspec.structs.replace(answer, detail=f"{answer.detail}; before that {earlier}"[:_LONGEST])


async def _give(way: Way, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:
    try:
        return await way.provider.hand_off(message, rendered, address, window)
    except Exception as fault:  # noqa: BLE001 - a provider that raises breaks its promise; nobody knows what was sent, and it says so
        return Answer(outcome=Outcome.UNKNOWN, detail=f"provider raised {type(fault).__name__}")
