"""The part that takes in mail which comes back: from a port, from a folder, or both, until it is asked to stop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final

import structlog

from oportuno.adapters.mail_in.door import MailDoor
from oportuno.adapters.mail_in.folder import MailFolder, prepare
from oportuno.channels.hearing import What
from oportuno.channels.returned.read import read_mail
from oportuno.entry.serve import listen_on
from oportuno.flows.hear_back import HeardAs, hear_back
from oportuno.kit.faults import BadInput, Unavailable
from oportuno.settings import Settings
from oportuno.wiring.mail_in import MailIn, mail_in

_LOOK: Final = 2.0
"""Seconds between two looks into the folder."""
_PAUSE: Final = 2.0
"""Seconds before the database is asked again that was not there at the start."""

_log = structlog.get_logger("mail_in")


async def take_in_mail(
    settings: Settings,
    stop: asyncio.Event,
    *,
    listening: Callable[[int], None] | None = None,
    counted: Callable[[What, HeardAs], None] | None = None,
) -> None:
    """Take in mail until `stop`. `listening` is told the port, `counted` of each report and how it ended.

    Raises BadInput when neither a port nor a folder is set, and Unavailable when they cannot be used.
    """
    if settings.mail_in_port is None and settings.mail_in_dir is None:
        raise BadInput("mail_in_not_set", "neither a port nor a folder is set for mail that comes back", place="OPORTUNO_MAIL_IN_PORT")
    if settings.mail_in_dir is not None:
        prepare(settings.mail_in_dir)
    listener = None if settings.mail_in_port is None else listen_on(settings.mail_in_host, settings.mail_in_port)
    try:
        while not stop.is_set():
            try:
                async with mail_in(settings) as wired:
                    ear = wired.ear if counted is None else wired.ear._replace(counted=counted)
                    await _until(stop, wired._replace(ear=ear), settings, listener, listening)
            except (Unavailable, OSError) as fault:
                _log.warning("mail_in_lost_database", fault=getattr(fault, "code", type(fault).__name__))
                await _rest(stop, _PAUSE)
    finally:
        if listener is not None:
            listener.close()


async def _until(
    stop: asyncio.Event, wired: MailIn, settings: Settings, listener: socket.socket | None, listening: Callable[[int], None] | None
) -> None:
    async def take(raw: bytes, recipient: str) -> None:
        await store(wired, raw, recipient)

    folder = None if settings.mail_in_dir is None else MailFolder(settings.mail_in_dir, take)
    door = MailDoor(take, name=settings.bounce_domain or "localhost")
    if listener is not None:
        # The door closes what it listens on: a copy, so that the port is ours until this part ends.
        await door.open(listener.dup())
        port = int(listener.getsockname()[1])
        _log.info("mail_in_listens", place=str(port))
        if listening is not None:
            listening(port)
    try:
        while not stop.is_set():
            done = 0 if folder is None else await folder.empty()
            await _rest(stop, 0.0 if done else _LOOK)
    finally:
        await door.close()


async def store(wired: MailIn, raw: bytes, recipient: str) -> HeardAs:
    """Say what one mail tells to whoever hears. Raises Unavailable when it could not be stored: then it must come again."""
    now = int(time.time() * 1_000)
    # Reading takes up to a second for the worst that can be sent; the other conversations go on meanwhile.
    hearing = await asyncio.to_thread(read_mail, raw, recipient=recipient, at=now, ours=wired.ours(now))
    ended = await hear_back(hearing, wired.ear)
    _log.info("mail_heard", outcome=hearing.what.value, ended=ended.value, status=hearing.status)
    return ended


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
