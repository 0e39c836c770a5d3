"""`oportuno demo`: everything of `serve`, a sandbox workspace, and a history to look at. On this machine alone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final, TypeAlias

from rich.console import Console

from oportuno.entry.demo.backtest import Looking
from oportuno.entry.demo.complete_journey import CompleteJourney
from oportuno.entry.demo.groundwork import lay_ground
from oportuno.entry.demo.history import DataSet, History
from oportuno.entry.demo.loading import load, shelve
from oportuno.entry.demo.online_retail import OnlineRetail
from oportuno.entry.demo.setting import Setting
from oportuno.entry.serve import serve
from oportuno.kit.faults import BadInput, Fault
from oportuno.settings import Settings

WAIT_SECONDS: Final = 20
_LOOK: Final = 0.5
_STOPPED: Final = "Parada; la misma orden sigue donde estaba / Stopped; the same command carries on where it was"
_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | signal.Handlers | None
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


def run(settings: Settings, *, data: DataSet | None = None, customers: int = 0, wait_seconds: int = WAIT_SECONDS) -> int:
    """Run the demonstration until SIGTERM or SIGINT; gives the exit code.

    `data`: another data set than the Complete Journey. `customers`: only so many of its customers, 0 everybody. `wait_seconds` is how
    long a left basket rests before it is decided on. Raises BadInput for an address that others can reach, and Unavailable when it
    cannot start.
    """
    if "log_level" not in settings.model_fields_set:
        # Between the bars, what the parts note for operators is noise.
        settings = settings.model_copy(update={"log_level": "warning"})
    # Read by the data's library when it is loaded, later: of its memory pools the one that gives back most of what it needs no more.
    os.putenv("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    if settings.host not in _LOOPBACK:
        raise BadInput("demo_not_here", "the demonstration answers this machine alone: leave the host at 127.0.0.1", place="OPORTUNO_HOST")
    console = Console(stderr=True)
    chosen: DataSet = data or CompleteJourney()
    for text in chosen.terms.values():
        console.print(text, style="dim")
    folder = settings.data_dir / "demo"
    told = _Told(console, Looking(folder, [*chosen.options, "--households", str(customers)]))
    settings = settings.model_copy(update={"demo_dir": folder.absolute()})

    def prepare(ready: Settings) -> None:
        with console.status("Preparando la tienda / Preparing the shop"):
            found = asyncio.run(lay_ground(ready, folder, data=chosen, customers=customers, wait_seconds=wait_seconds))
        told.settings, (told.setting, told.history) = ready, found

    def then(address: str) -> None:
        told.tell_when_loaded(address, folder)

    try:
        return serve(settings, prepare=prepare, then=then)
    finally:
        told.stop()
        if told.began:
            console.print(_STOPPED, style="dim", soft_wrap=True)


def chosen_data(named: tuple[str, Path] | None) -> DataSet:
    """Give the data set that was asked for; none: the Complete Journey. Raises BadInput for one that is not known or cannot be read."""
    if named is None:
        return CompleteJourney()
    name, path = named
    if name != OnlineRetail.key:
        raise BadInput("demo_data_unknown", f"beside the Complete Journey there is {OnlineRetail.key} FILE.parquet", place="--data")
    data = OnlineRetail(path)
    data.check()
    return data


class _Told:
    """What was prepared, and the thread that loads it while the parts are watched over."""

    def __init__(self, console: Console, looking: Looking) -> None:
        self.setting: Setting | None = None
        self.history: History | None = None
        self.settings: Settings | None = None
        """With the database's address."""
        self.began = False
        """Whether the shop opened."""
        self._console = console
        self._looking = looking
        self._stopped = threading.Event()
        self._loader: threading.Thread | None = None

    def tell_when_loaded(self, address: str, folder: Path) -> None:
        """Load what is not loaded yet, then say where to look."""
        self.began = True
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._before(signal.getsignal(number)))
        self._loader = threading.Thread(target=self._load, args=(address, folder), name="demo loader", daemon=True)
        self._loader.start()

    def _before(self, ended: _Handler) -> _Handler:
        """Give a signal's handler that stops the loading first: it must not find the database gone and say so."""

        def handler(number: int, frame: FrameType | None) -> None:
            self._stopped.set()
            if callable(ended):
                ended(number, frame)

        return handler

    def stop(self) -> None:
        """Stop loading; what was acknowledged stays, and the next start carries on."""
        self._stopped.set()
        if self._loader is not None:
            self._loader.join(timeout=5)
        self._looking.stop()

    def _load(self, address: str, folder: Path) -> None:
        stopped = self._stopped.is_set
        try:
            if self.setting is not None:
                self.setting = shelve(self.setting, address=address, folder=folder, stopped=stopped)
            if self.setting is not None and self.history is not None and self.settings is not None:
                told = f"La tienda ya abre, la historia entra detrás / The shop is open, its history follows: {address}/demo"
                self._console.print(told, soft_wrap=True)
                load(self.setting, self.history, self.settings, address=address, folder=folder, console=self._console, stopped=stopped)
        except Fault as fault:
            self._console.print(f"oportuno: {fault.sentence} ({fault.code})", style="red")
            return
        self.history = None
        if not self._stopped.is_set():
            print(f"La demostración está lista / The demonstration is ready: {address}/demo", flush=True)
            self._console.print("Ctrl-C la para / stops it", style="dim")
            self._look_back()

    def _look_back(self) -> None:
        """Work the backtest out behind everything else, unless it was done."""
        self._looking.begin()
        while not self._stopped.is_set() and not self._looking.wait(_LOOK):
            if not self._looking.running:
                return
