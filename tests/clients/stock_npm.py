"""The stock libraries of npm: two on Node, each in a process of its own, and one in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from open_shop import PATIENCE

HERE = Path(__file__).parent / "npm"
PROGRAMS = {"@segment/analytics-node": "segment.mjs", "@rudderstack/rudder-sdk-node": "rudder.mjs"}


def node() -> str:
    """Give the Node that `make node` found or installed."""
    found = Path(sys.prefix, "node", "node")
    program = str(found) if found.exists() else shutil.which("node")
    assert program, "Node is missing: make node"
    assert (HERE / "node_modules").is_dir(), "the libraries are missing: make tests/clients/npm/node_modules/.package-lock.json"
    return program


def start(library: str, host: str, key: str, looks: int) -> subprocess.Popen[str]:
    """Let a library tell its story in a process of its own."""
    return subprocess.Popen(
        [node(), PROGRAMS[library], host, key, str(looks)], cwd=HERE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def errors_of(process: subprocess.Popen[str]) -> list[str]:
    """Wait for a story's end and give the errors that the library told of."""
    try:
        said, complaint = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, complaint
    errors: list[str] = json.loads(said.splitlines()[-1])
    return errors
