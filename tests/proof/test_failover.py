"""Providers fail and whoever speaks to them dies: nobody gets a promoting mail twice, and every doubt stands written. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from doors import OK, Arrived
from failover import Failover, Sizes

from oportuno.channels.channel import Answer, Outcome
from oportuno.flows.work import OutboxStatus


def test_three_failing_ways_and_two_deaths_hand_nothing_off_twice_and_leave_every_unknown_listed() -> None:
    report = Failover(Sizes(events=120, customers=120, deliverer_kills=2, postgres_kills=0, seed=1, between=5, hangs=False)).run()
    assert report.found.faults == []
    assert report.found.duplicates == 0
    assert set(report.found.taken_by) == {"first", "second", "last"}
    assert report.deliverer_kills == 2


def test_the_judge_notices_a_second_mail_a_lost_doubt_and_a_wrong_name() -> None:
    def found(door: str, answer: str, ending: OutboxStatus, way: str = "smtp prov_first") -> list[str]:
        proof = Failover(Sizes(events=1, customers=1, deliverer_kills=0, postgres_kills=0, seed=1))
        proof.lanes = {"smtp prov_first": "first"}
        mine = [Arrived("msg_a", 1.0, "half", "first"), Arrived("msg_a", 2.0, answer, door)][-1 if door == "first" else 0 :]
        proof._once("msg_a", mine, marketing=True)
        proof._explained("msg_a", ending, mine, "smtp 250", Answer(outcome=Outcome.ACCEPTED, way=way))
        return proof.report.found.faults

    assert found("first", OK, OutboxStatus.ACCEPTED) == []
    assert any("came again" in fault for fault in found("second", OK, OutboxStatus.ACCEPTED, "mailgun prov_second"))
    assert any("stands as accepted" in fault for fault in found("first", OK, OutboxStatus.ACCEPTED, "smtp 127.0.0.1"))
    assert any("stands as accepted" in fault for fault in found("first", "half", OutboxStatus.ACCEPTED))
    assert any("refused for good" in fault for fault in found("first", "half", OutboxStatus.REFUSED))
    assert any("nothing says why" in fault for fault in found("first", "half", OutboxStatus.UNKNOWN))
    assert any("may have taken" in fault or "no refusal" in fault for fault in found("first", "half", OutboxStatus.EXPIRED))
