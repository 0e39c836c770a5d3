"""A demonstration of its own for the browser's stories, and a real browser to look at it."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

WAIT_SECONDS = 10
"""The left basket's wait, shorter still than the demonstration's own: but within it a visitor leaves an address and looks at the live page,
and on a slow machine each page takes a second or two."""
HOUSEHOLDS = "60"
"""Of the data's 2,469: a whole year of each, and some seconds to load."""
START_SECONDS = 300
PATIENCE = 180_000
"""Milliseconds that a page may take on a busy machine; nothing waits longer than it must."""
_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def demo() -> Iterator[str]:
    """The address of a running demonstration, with the whole history loaded; TEST_DEMO_URL names one that runs already."""
    given = os.environ.get("TEST_DEMO_URL")
    if given:
        yield given
        return
    with running("--wait", str(WAIT_SECONDS), "--households", HOUSEHOLDS) as address:
        yield address


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Run a demonstration on a data directory of its own until it is needed no more; gives its address when it is ready."""
    folder = tempfile.mkdtemp(prefix="oportuno-demo-")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPORTUNO_") and name not in {"DATABASE_URL", "PORT"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "oportuno", "demo", "--port", "0", "--data-dir", folder, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean,
    )
    lines: queue.Queue[str] = queue.Queue()
    listener = threading.Thread(target=_listen, args=(process, lines), daemon=True)
    listener.start()
    try:
        yield _ready(lines)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(300)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(300)
        if process.stdout is not None:
            process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _listen(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    for line in process.stdout or ():
        lines.put(line)
    lines.put("")


def _ready(lines: queue.Queue[str]) -> str:
    said: list[str] = []
    while True:
        try:
            line = lines.get(timeout=START_SECONDS)
        except queue.Empty:
            pytest.fail("the demonstration did not become ready:\n" + "".join(said[-30:]))
        said.append(line)
        if not line:
            pytest.fail("the demonstration ended:\n" + "".join(said[-30:]))
        if "demonstration is ready" in line:
            return line.split()[-1].removesuffix("/demo")


@pytest.fixture
def gift_shop() -> Iterator[str]:
    """The address of a demonstration on the second data set, with a few of its customers."""
    file = Path(__file__).parents[3] / "shared" / "data" / "online_retail_cc0.parquet"
    with running("--wait", str(WAIT_SECONDS), "--households", "8", "--data", "online-retail", str(file)) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Closed with its module: while Playwright runs, no other test could start a loop of its own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "chromium is missing: apt-get install chromium"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a fresh browser, of a phone or a desktop, in which a fault of a script fails the test."""
    faults: list[str] = []
    contexts = []

    def opened(*, phone: bool = False, language: str = "es", dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 900},
            locale={"es": "es-ES", "en": "en-GB"}[language],
            has_touch=phone,
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(PATIENCE)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    assert not faults
