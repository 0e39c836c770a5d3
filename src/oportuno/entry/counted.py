"""What the processes count, and how it reads on the metrics page. Every name here is documented in docs/reference/metrics.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    # Each process carries only its own part: the metrics page needs no deliverer.
    from oportuno.channels.hearing import What
    from oportuno.channels.machine_clicks import Verdict
    from oportuno.flows.deliver import Delivered
    from oportuno.flows.hear_back import HeardAs
    from oportuno.flows.react import Reacted
    from oportuno.flows.tallies import Sums

_SOON: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Seconds: what should be quick."""
_LONG: Final = (0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 1_800, 3_600, 21_600, 86_400)
"""Seconds: what may wait on purpose."""


class Shown(NamedTuple):
    """How a count is shown."""

    text: str
    bounds: tuple[float, ...] = ()
    """Of a histogram; empty: a counter."""


COUNTED: Final[dict[str, Shown]] = {
    "oportuno_hand_offs": Shown("Attempts to deliver, by how they ended."),
    "oportuno_hand_offs_by_way": Shown("Hand-offs by the way out that was taken and how it answered."),
    "oportuno_abandoned_settled": Shown("Messages settled that a dead deliverer had in hand."),
    "oportuno_hearings": Shown("Reports of messages that were sent, by what they told and how they ended."),
    "oportuno_clicks": Shown("Links of messages that were followed, by whom and by which sign."),
    "oportuno_hand_off_seconds": Shown("From the decision to speak to the first attempt to hand off.", _SOON),
    "oportuno_event_to_hand_off_seconds": Shown("From the event that began it to the first attempt, a journey's waits included.", _LONG),
    "oportuno_verdicts": Shown("Verdicts, by what was decided and the first reason."),
    "oportuno_events_evaluated": Shown("Events evaluated."),
    "oportuno_timers_evaluated": Shown("Timers looked at."),
    "oportuno_messages_spoken": Shown("Messages put into the outbox."),
    "oportuno_quarantined": Shown("Events set aside because their evaluation failed."),
    "oportuno_let_go": Shown("Parts that states let go of to stay small, by what."),
    "oportuno_batches_lost": Shown("Batches that somebody else was quicker with."),
    "oportuno_batch_seconds": Shown("Length of a batch, from fetch to commit.", _SOON),
    "oportuno_event_wait_seconds": Shown("How long the oldest event of a batch had waited since it was received.", _LONG),
}

_DECIDED: Final = {"silent": "silence", "expired": "silence", "waits": "wait"}
"""What an attempt that ended so decided at the claim."""


def count_delivered(sums: Sums, channel: str, delivered: Delivered) -> None:
    """Count an attempt to deliver."""
    sums.add("oportuno_hand_offs", channel=channel, ended=delivered.ended.value)
    for way, outcome in delivered.tried:
        sums.add("oportuno_hand_offs_by_way", way=way, outcome=outcome)
    decided = _DECIDED.get(delivered.ended.value)
    if decided is not None:
        sums.add("oportuno_verdicts", decided=decided, refusal=delivered.reason)
    if delivered.decided_ago is not None:
        _observe(sums, "oportuno_hand_off_seconds", delivered.decided_ago / 1000, channel=channel)
    if delivered.event_ago is not None:
        _observe(sums, "oportuno_event_to_hand_off_seconds", delivered.event_ago / 1000, channel=channel)


def count_heard(sums: Sums, what: What, ended: HeardAs) -> None:
    """Count a report of a message."""
    sums.add("oportuno_hearings", what=what.value, heard_as=ended.value)


def count_click(sums: Sums, verdict: Verdict) -> None:
    """Count a click whose verdict is settled."""
    by, _, sign = verdict.value.partition("_")
    sums.add("oportuno_clicks", by="machine" if sign else "person", sign=sign or ("" if by == "person" else by))


def count_settled(sums: Sums, settled: int) -> None:
    """Count what a dead deliverer left and was settled."""
    sums.add("oportuno_abandoned_settled", settled)


def count_reacted(sums: Sums, done: Reacted, seconds: float) -> None:
    """Count a batch."""
    if done.moved:
        sums.add("oportuno_batches_lost")
    amounts = {
        "oportuno_events_evaluated": done.events,
        "oportuno_timers_evaluated": done.timers,
        "oportuno_messages_spoken": done.messages,
        "oportuno_quarantined": done.quarantined,
    }
    for name, amount in amounts.items():
        if amount:
            sums.add(name, amount)
    for (decided, refusal), times in done.decided.items():
        sums.add("oportuno_verdicts", times, decided=decided, refusal=refusal)
    for what in done.let_go:
        sums.add("oportuno_let_go", what=what)
    if done.events or done.timers:
        _observe(sums, "oportuno_batch_seconds", seconds)
    if done.events:
        _observe(sums, "oportuno_event_wait_seconds", done.waited / 1000)


def _observe(sums: Sums, name: str, seconds: float, **labels: str) -> None:
    sums.observe(name, max(0.0, seconds), COUNTED[name].bounds, **labels)
