"""What Dora answers in her browser stands in the ledger with what proves it, in the commit that lets it hold, and once."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from customer_stage import TIENDA_NORTE, Stage
from oportuno.events.event import Call, Event, Source, Trust
from oportuno.flows.poison import Step, step_into
from oportuno.flows.ports import LaneClass
from oportuno.flows.react import react_once
from oportuno.flows.work import LedgerEntry, Status, Stored, Writes
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import DAY, MINUTE, Millis

DORA = key_of(TIENDA_NORTE, 4)


class Shop(Stage):
    """Tienda Norte with an engine."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = self.world.feed()
        self.world.tables.lanes[1] = LaneClass.LIVE
        self.seq = 0

    def event(
        self,
        *,
        source: Source = Source.LIVE,
        at: Millis = 0,
        locale: str = "es-ES",
        user: str = "",
        trust: Trust = Trust.PUBLIC,
        **answers: bool,
    ) -> Event:
        self.seq += 1
        consent = {"categoryPreferences": answers, "notice": "2026-11"}
        who = {"userId": user} if user else {"anonymousId": "dora"}
        told: dict[str, Any] = {**who, "context": {"locale": locale} | ({"consent": consent} if answers else {})}
        return Event(
            key=DORA,
            lane=1,
            seq=self.seq,
            h=derive("told", self.seq),
            source=source,
            call=Call.PAGE,
            name="",
            at=at or self.now,
            received=self.now,
            body=msgspec.json.encode(told),
            trust=trust,
        )

    def hear(self, **told: Any) -> Event:
        event = self.event(**told)
        self.world.tables.events.setdefault((DORA.bucket, DORA.workspace, 1), []).append(event)
        asyncio.run(self._work())
        self.world.clock.now += MINUTE
        return event

    async def _work(self) -> None:
        while (await react_once(self.feed, self.world.store, self.world.programmes, limit=50)).events:
            pass

    def ledger(self) -> list[LedgerEntry]:
        return list(self.world.tables.ledger.values())


def test_a_yes_and_its_withdrawal_stand_in_the_ledger_with_notice_language_and_event() -> None:
    shop = Shop()
    yes, no = shop.hear(personalisation=True), shop.hear(personalisation=False, locale="en-IE")
    assert [(entry.key, entry.slot, entry.state, entry.at, entry.language) for entry in shop.ledger()] == [
        (DORA, "personalisation/*", "granted", yes.at, "es-ES"),
        (DORA, "personalisation/*", "withdrawn", no.at, "en-IE"),
    ]
    assert {(entry.source, entry.notice, entry.actor) for entry in shop.ledger()} == {("browser", "2026-11", "customer")}
    assert [entry.proof for entry in shop.ledger()] == [{"event": event.h.hex()} for event in (yes, no)]


def test_every_page_repeats_the_answer_and_the_ledger_has_it_once() -> None:
    shop = Shop()
    shop.hear(personalisation=True, measurement=False)
    for _ in range(3):
        shop.hear(personalisation=True, measurement=False)
    assert sorted((entry.slot, entry.state) for entry in shop.ledger()) == [("measurement/*", "denied"), ("personalisation/*", "granted")]


@pytest.mark.parametrize("source", [Source.LATE, Source.IMPORT, Source.REPLAY])
def test_an_answer_that_comes_late_or_from_a_file_is_proved_like_any_other_and_an_old_one_changes_nothing(source: Source) -> None:
    shop = Shop()
    shop.hear(source=source, at=shop.now - DAY, personalisation=True)
    assert [entry.state for entry in shop.ledger()] == ["granted"]
    shop.hear(personalisation=False)
    shop.hear(source=source, at=shop.now - DAY, personalisation=True)
    assert [entry.state for entry in shop.ledger()] == ["granted", "withdrawn"]


def test_an_event_that_is_told_again_to_the_same_customer_proves_its_answer_once() -> None:
    shop = Shop()
    event = shop.event(personalisation=True)
    ids = set()
    for _ in range(2):
        writes = Writes()
        step_into(writes, Stored(DORA, Status.ACTIVE, 0, b"", None), [event], Step(shop.programme, shop.now, trusted=True))
        ids |= {entry.id for entry in writes.ledger}
    assert len(ids) == 1


@pytest.mark.parametrize(("trust", "source"), [(Trust.SIGNED, "signed"), (Trust.SECRET, "api")])
def test_a_yes_of_a_known_user_counts_when_somebody_vouches_and_a_public_one_never_lifts_a_vouched_no(trust: Trust, source: str) -> None:
    shop = Shop()
    shop.hear(user="ana", personalisation=True)
    assert shop.ledger() == []
    shop.hear(user="ana", trust=trust, personalisation=True)
    shop.hear(user="ana", trust=trust, personalisation=False)
    shop.hear(user="ana", personalisation=True)
    shop.hear(personalisation=True)
    assert [(entry.state, entry.source) for entry in shop.ledger()] == [("granted", source), ("withdrawn", source)]
    shop.hear(user="ana", trust=trust, personalisation=True)
    assert shop.ledger()[-1].state == "granted"
