"""The three parts as processes: each sets up its log, wires itself, works until it is asked to stop, and leaves cleanly."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from oportuno import wiring
from oportuno.entry.counted import count_click, count_delivered, count_heard, count_reacted, count_settled
from oportuno.entry.logs import set_up
from oportuno.entry.noting import note_erasures
from oportuno.entry.settling import settle_until
from oportuno.entry.telling import Teller
from oportuno.flows.forget import forget_on
from oportuno.flows.poison import name_of
from oportuno.kit.faults import Fault, Unavailable
from oportuno.settings import Settings
from oportuno.wiring.hearing import hear_early

if TYPE_CHECKING:
    from oportuno.entry.worker import Bench
    from oportuno.flows.react import Reacted
    from oportuno.flows.tallies import Sums
    from oportuno.wiring.ways import Delivery

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
_ROUND: Final = 3_600.0
_PIECES: Final = 10
"""Pieces of an erasure done in a row; then the engine's batches come first again."""
_BETWEEN_PIECES: Final = 0.05
_LOOK_FOR_ERASURES: Final = 2.0

_log = structlog.get_logger("parts")


def run_api(settings: Settings, *, descriptor: int | None = None, lifeline: int | None = None) -> None:
    """Answer HTTP until SIGTERM. `descriptor` is a listening socket that was handed down; without it one is opened."""
    set_up(settings.log_level, part="api")
    # The server hands SIGTERM on when it is done; by then we are leaving anyway, and want to close our connections first.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    _run(_serve_http(settings, descriptor=descriptor, lifeline=lifeline))


def run_engine(settings: Settings, *, lifeline: int | None = None) -> None:
    """Evaluate events until SIGTERM."""
    set_up(settings.log_level, part="engine")
    _run(_work(settings, lifeline=lifeline))


def run_deliver(settings: Settings, *, lifeline: int | None = None) -> None:
    """Hand off messages until SIGTERM; what is in hand is finished and recorded first."""
    set_up(settings.log_level, part="deliver")
    _run(_deliver(settings, lifeline=lifeline))


def run_mail_in(settings: Settings, *, lifeline: int | None = None) -> None:
    """Take in mail that comes back until SIGTERM; what was answered is stored."""
    set_up(settings.log_level, part="mail-in")
    _run(_mail_in(settings, lifeline=lifeline))


def _run(part: Coroutine[Any, Any, None]) -> None:
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(part)
    except Fault:
        raise
    except Exception as fault:  # noqa: BLE001 - no traceback: a fault's text may hold what it stumbled over
        _log.error("part_ended", fault=name_of(fault))
        raise SystemExit(1) from None


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _serve_http(settings: Settings, *, descriptor: int | None, lifeline: int | None) -> None:
    import uvicorn

    from oportuno.entry.http.app import build
    from oportuno.entry.serve import listen_on

    listener = socket.socket(fileno=descriptor) if descriptor is not None else listen_on(settings.host, settings.port)
    with listener:
        host, port = listener.getsockname()[:2]
        settings = settings.model_copy(update={"host": host, "port": port})
        async with wiring.front(settings) as front:
            house = build(front)
            config = uvicorn.Config(
                house,
                http="httptools",
                loop="none",
                lifespan="off",
                ws="none",
                access_log=False,
                proxy_headers=False,  # whom to believe is set by us, not by a variable of the server's own
                log_config=None,
                server_header=False,
                timeout_keep_alive=65,
                timeout_graceful_shutdown=10,
            )
            server = uvicorn.Server(config)
            _watch(lifeline, lambda: setattr(server, "should_exit", True))
            # What was imported stays, and a batch's values go when nobody names them: walking over both was an eighth of the CPU.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            async with Teller("api", lambda: wiring.tallies(settings)).telling() as house.rest.state.sums:
                await server.serve(sockets=[listener])


# ── Engine ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _work(settings: Settings, *, lifeline: int | None) -> None:
    from oportuno.entry.worker import Bench, run_worker

    @asynccontextmanager
    async def bench() -> AsyncIterator[Bench]:
        async with wiring.engine(settings) as engine:
            yield Bench(engine.feed, engine.store, engine.programmes, engine.clock, engine.facts, engine.cross, engine.stirred)

    stop = _stop_asked(lifeline)
    keeper = asyncio.create_task(_keep_house(settings, stop))
    forgetter = asyncio.create_task(_forget(settings, stop))
    teller = Teller("engine", lambda: wiring.tallies(settings))
    settler = asyncio.create_task(settle_until(settings, stop, counted=partial(count_click, teller.sums)))
    noter = asyncio.create_task(note_erasures(settings, stop))
    try:
        async with teller.telling() as sums:
            await run_worker(
                bench, batch=settings.engine_batch, stop=stop, observe=lambda done, took: _observe(sums, done, took), report=_log.warning
            )
    finally:
        keeper.cancel()
        forgetter.cancel()
        settler.cancel()
        noter.cancel()


async def _keep_house(settings: Settings, stop: asyncio.Event) -> None:
    """Do the hourly round; every engine does, and what one has done the others find done."""
    while not stop.is_set():
        try:
            _log.info("kept_house", **await wiring.keep_house(settings))
            await hear_early(settings)
            await _rest(stop, _ROUND)
        except Exception as fault:  # noqa: BLE001 - a round that fails is done again: without partitions ahead nothing could be taken in
            _log.warning("house_not_kept", fault=type(fault).__name__)
            await _rest(stop, _LONGEST_PAUSE)


async def _forget(settings: Settings, stop: asyncio.Event) -> None:
    """Go on with the second passes of erasures; every engine does, a piece at a time, between its batches."""
    while not stop.is_set():
        try:
            async with wiring.forgetting(settings) as erasures:
                while not stop.is_set():
                    done = await forget_on(erasures, most=_PIECES)
                    await _rest(stop, _BETWEEN_PIECES if done == _PIECES else _LOOK_FOR_ERASURES)
        except Exception as fault:  # noqa: BLE001 - what was begun is taken up again: somebody waits to be forgotten
            _log.warning("forgetting_failed", fault=type(fault).__name__)
            await _rest(stop, _LONGEST_PAUSE)


def _observe(sums: Sums, done: Reacted, seconds: float) -> None:
    count_reacted(sums, done, seconds)
    if done.quarantined:
        _log.error("events_set_aside", count=done.quarantined)
    _log.debug("reacted", events=done.events, seconds=round(seconds, 4))


# ── Deliver ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _deliver(settings: Settings, *, lifeline: int | None) -> None:
    stop = _stop_asked(lifeline)
    teller = Teller("deliver", lambda: wiring.tallies(settings))
    async with teller.telling():
        await _deliver_anew(settings, stop, teller)


async def _deliver_anew(settings: Settings, stop: asyncio.Event, teller: Teller) -> None:
    from oportuno.wiring.ways import delivery as delivery_of

    pause = _FIRST_PAUSE
    while not stop.is_set():
        try:
            async with delivery_of(settings) as delivery:
                pause = _FIRST_PAUSE
                await _deliver_until(delivery, stop, teller, settings)
        except (Unavailable, OSError) as fault:
            # The outbox is gone, and with it this deliverer's number: a new one is born when the database answers again. Where it is not
            # the database that is gone, the code says what is.
            lost = isinstance(fault, Fault) and fault.code == "database_gone"
            _log.warning("deliver_lost_database" if lost else "deliver_interrupted", code=code_of(fault), pause=pause)
            await _rest(stop, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def code_of(fault: Exception) -> str:
    """Give what a log may say of a fault: its code, or its kind and, of the system's own, the error's name. Never its text."""
    if isinstance(fault, Fault):
        return fault.code
    number = getattr(fault, "errno", None)
    return f"{type(fault).__name__} {errno.errorcode.get(number, number)}" if isinstance(number, int) else type(fault).__name__


async def _deliver_until(delivery: Delivery, stop: asyncio.Event, teller: Teller, settings: Settings) -> None:
    from oportuno.channels.pace import Pace
    from oportuno.entry.deliverer import Deliverer, rates_of

    deliverer = Deliverer(
        number=delivery.number,
        outbox=delivery.outbox,
        store=delivery.store,
        programmes=delivery.programmes,
        clock=delivery.clock,
        render=delivery.words,
        facts=delivery.facts,
        ways=delivery.ways,
        sending=delivery.sending,
        places=settings.deliver_width,
        pace=Pace(rates=rates_of(settings)),
        heard=lambda channel, delivered: count_delivered(teller.sums, channel, delivered),
        settled=lambda settled: count_settled(teller.sums, settled),
    )
    teller.says = deliverer.says
    stopper = asyncio.create_task(_stop_when(stop, deliverer.stop))
    try:
        await deliverer.run()
    finally:
        stopper.cancel()


# ── Mail that comes back ────────────────────────────────────────────────────────────────────────────────────────────


async def _mail_in(settings: Settings, *, lifeline: int | None) -> None:
    from oportuno.entry.mail_in import take_in_mail

    async with Teller("mail-in", lambda: wiring.tallies(settings)).telling() as sums:
        await take_in_mail(settings, _stop_asked(lifeline), counted=partial(count_heard, sums))


# ── Being stopped ───────────────────────────────────────────────────────────────────────────────────────────────────


def _stop_asked(lifeline: int | None) -> asyncio.Event:
    """Give an event that is set by SIGTERM, SIGINT, or the end of whoever started us."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _watch(lifeline, stop.set)
    return stop


def _watch(lifeline: int | None, gone: Any) -> None:
    """Call `gone` when the other end of the lifeline is closed: nobody ever writes to it."""
    if lifeline is None:
        return
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(lifeline)
        os.close(lifeline)
        gone()

    loop.add_reader(lifeline, ended)


async def _stop_when(stop: asyncio.Event, call: Any) -> None:
    await stop.wait()
    call()


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
