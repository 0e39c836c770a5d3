"""Segment's stock library for browsers, in Chromium, on a page of another origin than the collector's."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from open_shop import PATIENCE
from playwright.sync_api import Page, sync_playwright
from stock_npm import HERE

LIBRARY = "@segment/analytics-next"
_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PAGE = b"""<!doctype html><html lang="es"><title>Tienda Norte</title><script src="/index.js"></script>"""
STORY = """
([writeKey, cdnURL, looks]) => {
  const analytics = window.analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL })
  analytics.identify('ana', { email: 'ana@example.com', plan: 'oro' })
  for (let number = 0; number < looks; number++) analytics.track('Product Viewed', { product_id: `p${number}`, price: 79.95 })
  analytics.page('Tienda', 'Botas')
  analytics.screen('App', 'Cesta')
  analytics.group('club')
  analytics.alias('ana', 'dora')
}
"""
"""As its handbook says to use it; only the host is ours."""


class _Static(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that its callers use
        """Nothing is told of single requests."""


class _Shop(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hung up is nothing to report."""


@contextmanager
def _page_served() -> Iterator[str]:
    server = _Shop(
        ("127.0.0.1", 0), partial(_Static, directory=str(HERE / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"))
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


@contextmanager
def _page(strangers: list[str]) -> Iterator[Page]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS, timeout=PATIENCE * 1000)
        try:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE * 1000)

            def note(request: Any) -> None:
                host = urlsplit(request.url).hostname
                if host != "127.0.0.1":
                    strangers.append(request.url)

            page.on("request", note)
            yield page
        finally:
            browser.close()


def tell_in_browser(host: str, key: str, looks: int, arrived: Callable[[], bool]) -> list[str]:
    """Let the library tell its story, and wait until it has arrived. Gives what it asked of anybody but the shop and the collector."""
    strangers: list[str] = []
    with _page_served() as address, _page(strangers) as page:
        page.goto(address)
        page.evaluate(STORY, [key, host, looks])
        deadline = time.monotonic() + PATIENCE
        while not arrived():
            assert time.monotonic() < deadline, "the library is still trying"
            page.wait_for_timeout(100)
    return strangers
