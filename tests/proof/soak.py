"""Two hours of an ordinary day at the product as it ships: memory, live tables and what waits must not grow.

`python tests/proof/soak.py --seconds 7200 --samples FILE` runs it and writes a sample to FILE every few seconds, so that a run cut
short can be judged by what there is; `--judge FILE` judges such a file and writes docs/proof/soak.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import psycopg
from soak_judge import judge
from soak_life import SHORTER, Postbox, Shop, definitions, live
from soak_samples import Sampler

from oportuno.entry.bench.parts import Served, command, serve
from oportuno.entry.bench.people import seed_customers
from oportuno.kit.ids import CustomerKey
from oportuno.profile.draft import Draft
from oportuno.profile.watching import Watching


@dataclass
class Sizes:
    """How long, and how much."""

    seconds: float
    customers: int
    seed: int
    rate: float = 40.0
    """Events a second, over all workspaces."""
    workspaces: int = 2
    every: float = 15.0
    """Seconds between two samples."""
    hurry: float = 6.0
    """How many times as fast the first fifth of the time goes: years of looking round, so that what is judged afterwards finds people who
    are known as well as they will ever be, and every statement prepared, not memories, indexes and plans that still fill."""
    samples: str = ""
    """Where the samples go; none: to a new file, whose place is printed."""


@dataclass
class Report:
    """One run; it holds when `faults` is empty."""

    sizes: Sizes
    seconds: float = 0.0
    found: dict[str, Any] = field(default_factory=dict)


class Soak:
    """One run."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes

    def run(self) -> Report:
        """Serve, live, sample, judge."""
        place = Path(self.sizes.samples or Path(tempfile.mkdtemp(prefix="oportuno-soak-")) / "samples.jsonl")
        print(f"samples: {place}", flush=True)
        with place.open("w", encoding="utf-8") as out:
            kept = {name: value for name, value in asdict(self.sizes).items() if name != "samples"}
            _write(out, {"sizes": kept, "commit": os.environ.get("PROOF_COMMIT", ""), "began": time.time()})
            asyncio.run(self._run(out))
        return report_of(place)

    async def _run(self, out: Any) -> None:
        postbox = Postbox()
        await postbox.open()
        mail = {
            "OPORTUNO_SMTP_HOST": "127.0.0.1",
            "OPORTUNO_SMTP_PORT": str(postbox.port),
            "OPORTUNO_SMTP_SECURITY": "none",
            "OPORTUNO_PROVIDER_SIGNS": "true",
        }
        # On this thread: PostgreSQL is bound to the life of the process's thread that starts it, and the postbox need not answer yet.
        with serve(environment=mail) as served:
            shops = await asyncio.to_thread(
                open_shops, served, customers=self.sizes.customers, workspaces=self.sizes.workspaces, seed=self.sizes.seed
            )
            sampler = Sampler(served.process.pid, served.url)
            began = time.monotonic()
            calm, until = began + self.sizes.seconds / 5, began + self.sizes.seconds
            watching = asyncio.create_task(self._watch(out, sampler, shops, postbox))
            try:
                await asyncio.gather(*(shop.fill_shelves() for shop in shops))
                await live(shops, self.sizes.rate, calm, hurry=self.sizes.hurry)
                await live(shops, self.sizes.rate, until)
                await asyncio.to_thread(_sample, out, sampler, shops, postbox)
            finally:
                watching.cancel()
                for shop in shops:
                    await shop.close()
                postbox.close()

    async def _watch(self, out: Any, sampler: Sampler, shops: list[Shop], postbox: Postbox) -> None:
        while True:
            began = time.monotonic()
            await asyncio.to_thread(_sample, out, sampler, shops, postbox)
            await asyncio.sleep(max(0.0, self.sizes.every - (time.monotonic() - began)))


def open_shops(served: Served, *, customers: int, workspaces: int, seed: int, hurried: Mapping[str, str] = SHORTER) -> list[Shop]:
    """Make the workspaces, lay down the plays, and put in so many customers, spread over them."""
    shops = []
    each = customers // workspaces
    for number in range(1, workspaces + 1):
        keys = json.loads(command(served, "workspace", "create", f"Tienda Norte {number}", "--json"))
        with tempfile.TemporaryDirectory() as folder:
            for name, text in definitions(hurried=hurried).items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_text(text, encoding="utf-8")
            command(served, "apply", folder, "--workspace", keys["workspace"])
        with psycopg.connect(served.url) as connection:
            row = connection.execute(
                "SELECT w.workspace, i.secret FROM workspaces w, installation i WHERE w.public_id = %s", (keys["workspace"],)
            ).fetchone()
        if row is None:
            raise RuntimeError("the workspace that was just made is not there")
        own = seed * 10 + number
        now = time.time_ns() // 1_000_000
        seed_customers(served.url, row[0], 0, each, secret=bytes(row[1]), now=now, prefix=f"u{own}-", tell=lambda _: None)
        _watch_as_before(served.url, row[0])
        shops.append(Shop(f"http://{served.host}:{served.port}", keys, customers=each, seed=own))
    return shops


def _watch_as_before(url: str, workspace: int) -> None:
    """Put down what the seeded customers watch already: their states say so, and a table that only fills says nothing of growth."""
    with psycopg.connect(url) as connection, connection.cursor() as reading, connection.cursor() as writing:
        reading.execute("SELECT bucket, workspace, customer, version, state FROM customers WHERE workspace = %s", (workspace,))
        rows = [
            (bucket, place, item, rank, customer)
            for bucket, place, customer, version, state in reading
            for item, rank in Draft(CustomerKey(bucket, place, customer), bytes(state), version).read(Watching).ranks.items()
        ]
        with writing.copy("COPY watch (bucket, workspace, item, rank, customer) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _sample(out: Any, sampler: Sampler, shops: list[Shop], postbox: Postbox) -> None:
    try:
        seen = sampler.look()
    except (psycopg.Error, OSError) as fault:
        _write(out, {"at": time.time(), "missed": type(fault).__name__})
        return
    answers: dict[str, int] = {}
    for shop in shops:
        for name, count in shop.answers.items():
            answers[name] = answers.get(name, 0) + count
    _write(out, seen | {"sent": sum(shop.sent for shop in shops), "answers": answers, "mails": postbox.taken})


def _write(out: Any, what: dict[str, Any]) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


def report_of(place: Path) -> Report:
    """Judge a file of samples, whole or cut short; a last line that was being written is left out."""
    lines = []
    for line in place.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    head, samples = lines[0], [line for line in lines[1:] if "ages" in line]
    report = Report(Sizes(**head["sizes"]))
    report.found = judge(samples, missed=len(lines) - 1 - len(samples))
    report.seconds = round(samples[-1]["at"] - samples[0]["at"], 1) if samples else 0.0
    return report


def main() -> int:
    """Run, or judge what was run; the exit code says whether it held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=7_200.0)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--samples", default="")
    parser.add_argument("--judge", type=Path)
    asked = parser.parse_args()
    # A run that is asked to stop is judged by what there is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if asked.judge is None:
        report = Soak(Sizes(seconds=asked.seconds, customers=asked.customers, seed=121, samples=asked.samples)).run()
        print(json.dumps(asdict(report), indent=1))
        return int(bool(report.found["faults"]))
    from run import plain, write_down

    report = report_of(asked.judge)
    with asked.judge.open(encoding="utf-8") as noted:
        commit = json.loads(noted.readline())["commit"]
    write_down("soak", commit, [plain(report)])
    print(json.dumps(asdict(report), indent=1))
    return int(bool(report.found["faults"]))


if __name__ == "__main__":
    sys.exit(main())
