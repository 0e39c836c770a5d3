"""Backed up under load, lost, brought back: equal to what stood then, whoever was forgotten since stays so, nothing is said twice.

The product as it ships on a data directory of its own, a mail server that notes what it took, and a customer (the canary) who asks to be
forgotten after the backup. Then everything is killed, and the backup is restored into a new directory by the list of erasures.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session
from psycopg import sql
from soak import open_shops
from soak_life import SHORTER, Postbox, Shop, live

from oportuno.adapters.postgres.backup import back_up
from oportuno.adapters.postgres.backup_file import read_whole
from oportuno.adapters.postgres.embedded import EmbeddedPostgres
from oportuno.adapters.postgres.restore import Restoring
from oportuno.entry.bench.parts import Served

PATIENCE: Final = 300.0
_TABLES: Final = """
SELECT c.relname FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace ORDER BY 1
"""
_CALM: Final = """
SELECT NOT EXISTS (SELECT FROM events e LEFT JOIN offsets o USING (bucket, workspace, lane) WHERE e.seq > coalesce(o.seq, 0))
   AND NOT EXISTS (SELECT FROM due WHERE due_at < clock_millis() + 3000)
   AND NOT EXISTS (SELECT FROM outbox WHERE status IN (0, 1) AND not_before < clock_millis() + 3000)
"""
_MESSAGE_ID: Final = re.compile(rb"^message-id:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)


@dataclass
class Sizes:
    """How much happens."""

    customers: int
    before: float
    """Seconds of life before the backup."""
    after: float
    """And after it, until all is lost."""
    seed: int
    rate: float = 40.0
    forgetful: bool = False
    """Plant the fault that the judge must find: restored without the list of who was forgotten."""


@dataclass
class Report:
    """One run; it holds when `faults` is empty."""

    sizes: Sizes
    seconds: float = 0.0
    rows: int = 0
    """In the backup."""
    events: int = 0
    mails_before: int = 0
    """Taken by the mail server before all was lost."""
    mails_lost: int = 0
    """Of these, taken after the backup: what was restored knows nothing of them."""
    mails_afterwards: int = 0
    in_doubt: int = 0
    silenced: int = 0
    forgotten: int = 0
    duplicates: int = 0
    faults: list[str] = field(default_factory=list)


class NotingPostbox(Postbox):
    """Notes each promoting mail by its Message-ID."""

    def __init__(self) -> None:
        super().__init__()
        self.promoting: Counter[bytes] = Counter()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        head = (envelope.original_content or b"").partition(b"\r\n\r\n")[0]
        found = _MESSAGE_ID.search(head)
        if found and b"list-unsubscribe:" in head.lower():
            self.promoting[found[1]] += 1
        return await super().handle_DATA(_server, _session, envelope)


class Keep:
    """One run."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.folder = Path(tempfile.mkdtemp(prefix="oportuno-keep-"))
        self.folder.chmod(0o755)
        self.canary = f"canary{secrets.token_hex(8)}"
        self._served: subprocess.Popen[str] | None = None
        self._environment: dict[str, str] = {}

    def run(self) -> Report:
        """Live, back up, live on, lose everything, restore, live again, judge."""
        began = time.monotonic()
        try:
            asyncio.run(self._run())
        finally:
            self._end(signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    async def _run(self) -> None:
        postbox = NotingPostbox()
        await postbox.open()
        self._environment = {
            "OPORTUNO_SMTP_HOST": "127.0.0.1",
            "OPORTUNO_SMTP_PORT": str(postbox.port),
            "OPORTUNO_SMTP_SECURITY": "none",
            "OPORTUNO_PROVIDER_SIGNS": "true",
        }
        old, new, file = self.folder / "old", self.folder / "new", self.folder / "kept.zip"
        try:
            await self._first_life(old, file, postbox)
            await asyncio.to_thread(self._restore, new, file, old / "erasures")
            await self._second_life(new, postbox)
        finally:
            postbox.close()
        if self.canary in (self.folder / "log").read_text(encoding="utf-8", errors="replace"):
            self.report.faults.append("the canary stands in a log")
        self.report.duplicates = sum(count - 1 for count in postbox.promoting.values())
        if self.report.duplicates:
            self.report.faults.append(f"{self.report.duplicates} promoting mails were sent again")
        if not self.report.mails_lost:
            self.report.faults.append("nothing was said between the backup and the loss: it proves nothing")

    async def _first_life(self, folder: Path, file: Path, postbox: NotingPostbox) -> None:
        served = self._serve(folder)
        hurried = {**SHORTER, "timeout: 30m": "timeout: 2s", "reentry: 7d": "reentry: 4s"}
        [shop] = await asyncio.to_thread(
            open_shops, served, customers=self.sizes.customers, workspaces=1, seed=self.sizes.seed, hurried=hurried
        )
        try:
            await shop.fill_shelves()
            await self._be_a_canary(shop)
            await live([shop], self.sizes.rate, time.monotonic() + self.sizes.before)
            going_on = asyncio.create_task(live([shop], self.sizes.rate, time.monotonic() + self.sizes.after))
            await asyncio.to_thread(self._back_up, served.url, file)
            mails = postbox.taken
            await going_on
            deadline = time.monotonic() + PATIENCE
            while postbox.taken == mails and time.monotonic() < deadline:
                await live([shop], self.sizes.rate, time.monotonic() + 1)
            await shop.forget(self.canary)
            await asyncio.to_thread(self._await_forgotten, served.url, folder / "erasures")
            self.report.events = shop.sent
            self.report.mails_before, self.report.mails_lost = postbox.taken, postbox.taken - mails
        finally:
            await shop.close()
        self._end(signal.SIGKILL)

    async def _be_a_canary(self, shop: Shop) -> None:
        who = {"userId": self.canary, "anonymousId": f"{self.canary}-phone"}
        await shop.say({"type": "identify", **who, "traits": {"email": f"{self.canary}@example.com", "name": self.canary}})
        # Two that cannot become events: what is refused is told of in no log either.
        await shop.say({"type": "track", "event": "", "properties": {"query": self.canary}, **who})
        await shop.say({"type": self.canary, **who})
        await shop.say({"type": "track", "event": "Products Searched", "properties": {"query": self.canary}, **who})

    def _back_up(self, url: str, file: Path) -> None:
        """Back up, and restore what was backed up beside: it must be what the same snapshot saw."""
        with psycopg.connect(url) as looking:
            looking.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            row = looking.execute("SELECT pg_export_snapshot()").fetchone()
            manifest = back_up(url, file, snapshot=row[0] if row else "")
            reference = seen_by(looking)
        self.report.rows = sum(kept.rows for kept in manifest.tables.values())
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE beside")
        beside = psycopg.conninfo.make_conninfo(url, dbname="beside")
        with read_whole(file) as backup:
            restoring = Restoring(beside, backup)
            restoring.begin()
            restoring.load()
            restoring.end()
        with psycopg.connect(beside) as connection:
            found = seen_by(connection)
        self.report.faults += [f"the table {name} came back otherwise" for name in reference if reference[name] != found.get(name)]
        if not mentions(beside, self.canary):
            self.report.faults.append("the backup holds nothing of the canary: it proves nothing")

    def _await_forgotten(self, url: str, erasures: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with psycopg.connect(url) as connection:
                row = connection.execute("SELECT customer FROM erasures WHERE done_at IS NOT NULL LIMIT 1").fetchone()
            if row is not None and erasures.exists() and f" {row[0]} " in erasures.read_text(encoding="ascii"):
                return
            time.sleep(0.2)
        self.report.faults.append(f"the canary was not forgotten and listed within {PATIENCE} s")

    def _restore(self, folder: Path, file: Path, erasures: Path) -> None:
        by = ["--without-erasures"] if self.sizes.forgetful else ["--erasures", str(erasures)]
        command = [sys.executable, "-m", "oportuno", "restore", str(file), "--data-dir", str(folder), *by]
        done = subprocess.run(command, capture_output=True, text=True, env=self._own(), check=False)
        if done.returncode:
            raise RuntimeError(f"oportuno restore said: {done.stderr[-600:]}")
        numbers = [int(word) for word in re.findall(r"^\d+|(?<=; )\d+", done.stdout, re.MULTILINE)]
        _, self.report.forgotten, self.report.in_doubt, self.report.silenced = numbers

    async def _second_life(self, folder: Path, postbox: NotingPostbox) -> None:
        served = self._serve(folder)
        if mentions(served.url, self.canary):
            self.report.faults.append("the canary is known again")
        before = postbox.taken
        await asyncio.to_thread(self._await_calm, served.url)
        self.report.mails_afterwards = postbox.taken - before
        self._end(signal.SIGTERM)

    def _await_calm(self, url: str) -> None:
        """Wait until whatever was due has been decided and has left."""
        deadline = time.monotonic() + PATIENCE
        calm = 0
        while calm < 3:
            if time.monotonic() > deadline:
                self.report.faults.append(f"what was restored did not come to rest within {PATIENCE} s")
                return
            with psycopg.connect(url) as connection:
                row = connection.execute(_CALM).fetchone()
            calm = calm + 1 if row and row[0] else 0
            time.sleep(0.3)

    def _serve(self, folder: Path) -> Served:
        command = [sys.executable, "-m", "oportuno", "serve", "--port", "0", "--data-dir", str(folder)]
        with (self.folder / "log").open("ab") as log:
            self._served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._own())
        line = self._served.stdout.readline() if self._served.stdout else ""
        if " at http" not in line:
            raise RuntimeError(f"oportuno serve said {line!r}: {(self.folder / 'log').read_text(errors='replace')[-600:]}")
        return Served(self._served, line.rsplit(" ", 1)[1].strip(), EmbeddedPostgres(folder / "postgres").url)

    def _own(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPORTUNO_", "DATABASE_URL", "PORT"))}
        return kept | self._environment

    def _end(self, how: signal.Signals) -> None:
        served, self._served = self._served, None
        if served is None:
            return
        served.send_signal(how)
        served.wait()
        if served.stdout is not None:
            served.stdout.close()


def seen_by(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Give what every table holds: how many rows, and a sum over their digests."""
    question = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} t"
    names = [row[0] for row in connection.execute(_TABLES).fetchall()]
    return {name: connection.execute(sql.SQL(question).format(sql.Identifier(name))).fetchone() for name in names}


def mentions(url: str, word: str) -> list[str]:
    """Give the tables in which a word stands anywhere, in text or in bytes."""
    with psycopg.connect(url) as connection:
        question = "SELECT EXISTS (SELECT FROM {} t WHERE t::text LIKE %s OR t::text LIKE %s)"
        names = [row[0] for row in connection.execute(_TABLES).fetchall()]
        found = []
        for name in names:
            row = connection.execute(sql.SQL(question).format(sql.Identifier(name)), (f"%{word}%", f"%{word.encode().hex()}%")).fetchone()
            if row and row[0]:
                found.append(str(name))
        return found
