"""What happens in every process reaches the health pages, and a database that stands still is no longer said to answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from api_house import tell

from oportuno.adapters.memory import MemoryWorld
from oportuno.channels.machine_clicks import Verdict
from oportuno.channels.pace import Pace
from oportuno.entry.counted import COUNTED, count_click, count_delivered, count_reacted, count_settled
from oportuno.entry.deliverer import rates_of
from oportuno.entry.http.probe import Probe
from oportuno.entry.telling import Teller
from oportuno.flows.deliver import Delivered, Ended
from oportuno.flows.react import Reacted
from oportuno.flows.tallies import Sums, Tallies
from oportuno.kit.faults import Unavailable
from oportuno.settings import Settings


def test_what_every_process_counted_is_one_page_whichever_is_asked():
    async def story(tienda):
        deliver, engine = Sums(), Sums()
        for ended in (Ended.ACCEPTED, Ended.ACCEPTED, Ended.UNKNOWN):
            count_delivered(deliver, "email", Delivered(ended, decided_ago=30, event_ago=90_000))
        count_delivered(deliver, "email", Delivered(Ended.SILENT, "consent_withdrawn"))
        count_settled(deliver, 2)
        for verdict in (Verdict.PERSON, Verdict.AGAIN, Verdict.MACHINE_TOO_SOON, Verdict.MACHINE_TOO_SOON):
            count_click(engine, verdict)
        decided = {("speak", ""): 3, ("silence", "no_consent"): 4}
        done = Reacted(events=20, timers=1, messages=3, quarantined=1, decided=decided, let_go=("views.products",), waited=40)
        count_reacted(engine, done, 0.02)
        for part, sums in (("deliver", deliver), ("engine", engine)):
            await tienda.world.tallies.tell(part, 0, sums.take(), {})
        page = (await tienda.client.get("/metrics")).text
        for line in (
            'oportuno_hand_offs_total{channel="email",ended="accepted",part="deliver"} 2.0',
            'oportuno_hand_offs_total{channel="email",ended="unknown",part="deliver"} 1.0',
            'oportuno_hand_offs_total{channel="email",ended="silent",part="deliver"} 1.0',
            'oportuno_verdicts_total{decided="silence",part="deliver",refusal="consent_withdrawn"} 1.0',
            'oportuno_verdicts_total{decided="silence",part="engine",refusal="no_consent"} 4.0',
            'oportuno_verdicts_total{decided="speak",part="engine",refusal=""} 3.0',
            'oportuno_abandoned_settled_total{part="deliver"} 2.0',
            'oportuno_clicks_total{by="person",part="engine",sign=""} 1.0',
            'oportuno_clicks_total{by="person",part="engine",sign="again"} 1.0',
            'oportuno_clicks_total{by="machine",part="engine",sign="too_soon"} 2.0',
            'oportuno_hand_off_seconds_bucket{channel="email",le="0.02",part="deliver"} 0.0',
            'oportuno_hand_off_seconds_bucket{channel="email",le="0.05",part="deliver"} 3.0',
            'oportuno_hand_off_seconds_bucket{channel="email",le="+Inf",part="deliver"} 3.0',
            'oportuno_hand_off_seconds_count{channel="email",part="deliver"} 3.0',
            'oportuno_event_to_hand_off_seconds_sum{channel="email",part="deliver"} 270.0',
            'oportuno_quarantined_total{part="engine"} 1.0',
            'oportuno_let_go_total{part="engine",what="views.products"} 1.0',
            'oportuno_event_wait_seconds_bucket{le="0.05",part="engine"} 1.0',
            'oportuno_parts{part="deliver"} 1.0',
        ):
            assert line in page.splitlines(), line
        assert all(f"# HELP {name}" in page for name in COUNTED)

    tell(story)


def test_a_mail_server_that_is_gone_degrades_the_house_and_does_not_close_it():
    async def story(tienda):
        says = {"in_hand": {"email": 0, "webhook": 2}, "closed": {"provider": 1, "domain": 2}, "gone": ["smtp mail.example"]}
        process = await tienda.world.tallies.tell("deliver", 0, {}, says)
        told = await tienda.client.get("/readyz")
        assert told.status_code == 200
        assert (told.json()["status"], told.json()["providers_gone"], told.json()["deliverers"]) == ("degraded", ["smtp mail.example"], 1)
        page = (await tienda.client.get("/metrics")).text.splitlines()
        assert 'oportuno_provider_gone{provider="smtp mail.example"} 1.0' in page
        assert 'oportuno_lanes_closed{kind="domain"} 2.0' in page
        assert 'oportuno_in_hand{channel="webhook"} 2.0' in page
        await tienda.world.tallies.tell("deliver", process, {}, says | {"gone": []})
        assert (await tienda.client.get("/readyz")).json()["status"] == "ok"
        tienda.world.clock.advance(21_000)
        assert (await tienda.client.get("/readyz")).json()["deliverers"] == 0

    tell(story)


def test_without_the_database_the_house_is_not_ready_and_the_metrics_say_so():
    async def story(tienda):
        async def gone() -> None:
            raise Unavailable("database_gone", "the database does not answer")

        tienda.world.reads.probe = gone
        told = await tienda.client.get("/readyz")
        assert (told.status_code, told.json()["code"]) == (503, "database_gone")
        page = (await tienda.client.get("/metrics")).text
        assert "oportuno_database_up 0.0" in page
        assert "oportuno_collect_requests_total" in page
        assert (await tienda.client.get("/healthz")).status_code == 200

    tell(story)


def told(story):
    return asyncio.run(asyncio.wait_for(story, 120))


def test_a_database_that_stands_still_is_asked_once_however_many_want_to_know():
    async def story() -> None:
        asked = 0

        async def stand_still() -> None:
            nonlocal asked
            asked += 1
            await asyncio.Event().wait()

        probe = Probe(stand_still, patience=0.01)
        for _ in range(3):
            faults = await asyncio.gather(probe.answer(), probe.answer(), return_exceptions=True)
            assert [fault.code for fault in faults] == ["database_gone", "database_gone"]
        assert asked == 1

    told(story())


def test_when_it_answers_again_it_is_asked_anew():
    async def story() -> None:
        answers = [Unavailable("database_gone", "the database does not answer"), 7, 8]

        async def ask() -> int:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        probe = Probe(ask, patience=60)
        with pytest.raises(Unavailable):
            await probe.answer()
        assert [await probe.answer(), await probe.answer()] == [7, 8]

    told(story())


def test_who_is_woken_second_hears_the_answer_though_the_first_asked_anew_at_once():
    async def story() -> None:
        asked = 0

        async def ask() -> int:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0)
            return asked

        probe = Probe(ask, patience=60)

        async def twice() -> list[int]:
            return [await probe.answer(), await probe.answer()]

        assert await asyncio.gather(twice(), probe.answer(), probe.answer()) == [[1, 2], 1, 1]

    told(story())


def test_what_could_not_be_told_is_told_later_and_the_last_word_when_leaving():
    async def story() -> None:
        world = MemoryWorld()
        opened, heard = asyncio.Semaphore(0), asyncio.Event()
        failing = [True, True]
        rounds: list[int] = []

        @asynccontextmanager
        async def tallies() -> AsyncIterator[Tallies]:
            opened.release()
            if failing:
                failing.pop()
                raise Unavailable("database_gone", "the database does not answer")
            yield world.tallies

        def says() -> dict[str, list[str]]:
            rounds.append(1)
            if len(rounds) > 1:
                heard.set()  # the first round has been told by now
            return {"gone": []}

        teller = Teller("deliver", tallies, says=says, every=0.001)
        async with teller.telling() as sums:
            sums.add("oportuno_hand_offs", channel="email", ended="accepted")
            for _ in range(3):
                await opened.acquire()
            await heard.wait()
            assert [each.part for each in await world.tallies.living()] == ["deliver"]
            sums.add("oportuno_hand_offs", 4, channel="email", ended="accepted")
        assert [each.amount for each in await world.tallies.sums()] == [5]
        assert await world.tallies.living() == []

    told(story())


def test_a_fault_in_what_is_told_never_ends_the_work():
    async def story() -> None:
        begun = asyncio.Event()

        @asynccontextmanager
        async def tallies() -> AsyncIterator[Tallies]:
            if not begun.is_set():
                begun.set()
                raise RuntimeError("a fault of ours")
            yield MemoryWorld().tallies

        async with Teller("engine", tallies, every=0.001).telling():
            await begun.wait()

    told(story())


def test_the_paces_are_those_of_the_settings():
    rates = rates_of(Settings(smtp_host="mail.example", email_per_second=2, domain_per_second=0.5))
    pace = Pace(rates=rates)
    assert (rates["provider smtp"].per_second, rates["domain"].per_second) == (2, 0.5)
    assert pace._rate("provider smtp mail.example") == rates["provider smtp"]
    assert pace._rate("domain cliente.example") == rates["domain"]
    assert pace._rate("provider mailbox") is None
