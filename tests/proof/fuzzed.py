"""A program of the proof: `python tests/proof/fuzzed.py <folder> <seconds> <seed>`. Atheris leads the bytes to where no test has been.

It writes what it found so far into `<folder>/told.json` again and again: libFuzzer ends the process itself.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(
    include=["oportuno.entry.http", "oportuno.events", "oportuno.flows", "oportuno.consent", "oportuno.profile"]
):
    from hostile import PATHS, SEEDS, Hostile, resident_mb

TOLD_EVERY = 1.0
WORDS = r"""
"batch":[ "type": "track" "identify" "alias" "event": "userId": "anonymousId": "properties":{ "products":[ "traits":{ "context":{
"timestamp": "messageId": "Order" "Product" "consent":{ "categoryPreferences":{ \u0000 \ud800 1e999 -0 null NaN
"""
"""What a body is made of: libFuzzer puts these words in."""


class Fuzzed:
    """What was tried so far."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.hostile = Hostile()
        self.began = self.told_at = time.monotonic()
        self.warm = 0.0
        self.most = 0.0
        self.tell()

    def one(self, data: bytes) -> None:
        try:
            self.hostile.ask(data)
        except BaseException as fault:
            self.tell(f"{type(fault).__name__}: {fault}"[:300])
            raise
        now = time.monotonic()
        if now - self.told_at > TOLD_EVERY:
            self.told_at = now
            if now - self.began < self.seconds / 4:
                self.warm = resident_mb()
            self.most = max(self.most, resident_mb())
            self.tell()

    def tell(self, fault: str = "") -> None:
        hostile = self.hostile
        said = {"inputs": hostile.asked, "events": hostile.events, "rejects": hostile.rejects, "fault": fault}
        said["answers"] = {str(status): times for status, times in sorted(hostile.answers.items())}
        said["warm_mb"], said["most_mb"] = round(self.warm, 1), round(self.most, 1)
        beside = self.folder / "told.new"
        beside.write_text(json.dumps(said), encoding="utf-8")
        beside.replace(self.folder / "told.json")


def main() -> None:
    folder, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, body in enumerate(SEEDS):
        for path in ("/v1/batch", "/v1/track"):
            for packed in (0, 1):
                head = bytes([PATHS.index(path), number % 2, 0, 0, packed])
                (corpus / f"{number}-{path[4:]}-{packed}").write_bytes(head + body)
    words = folder / "words"
    spelt = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in WORDS.split())
    words.write_text("".join(f'"{word}"\n' for word in spelt), encoding="ascii")
    fuzzed = Fuzzed(folder, seconds)
    options = [
        f"-max_total_time={int(seconds)}",
        f"-seed={seed}",
        "-max_len=8192",
        f"-dict={words}",
        f"-artifact_prefix={folder}/",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], fuzzed.one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
