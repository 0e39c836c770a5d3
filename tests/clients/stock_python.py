"""The stock Python libraries, each as its own handbook says to use it; only the host is ours."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from open_shop import PATIENCE

CALLS = 5
"""Items of one request: a script's faults come to different batches, so that no library's pauses add up."""
TIMEOUT = 3
"""Seconds after which a library gives a request up; a slow machine only makes it try once more."""


class Heard:
    """What a library says through its `on_error`."""

    def __init__(self) -> None:
        self.errors: list[Any] = []

    def __call__(self, error: Any, _items: Any) -> None:
        self.errors.append(error)


def segment(key: str, host: str, heard: Heard) -> Any:
    from segment.analytics.client import Client

    return Client(key, host=host, on_error=heard, upload_size=CALLS, timeout=TIMEOUT, gzip=False)


def segment_gzip(key: str, host: str, heard: Heard) -> Any:
    from segment.analytics.client import Client

    return Client(key, host=host, on_error=heard, upload_size=CALLS, timeout=TIMEOUT, gzip=True)


def rudderstack(key: str, host: str, heard: Heard) -> Any:
    from rudderstack.analytics.client import Client

    return Client(key, host=host, on_error=heard, upload_size=CALLS, timeout=TIMEOUT)


def customer_io(key: str, host: str, heard: Heard) -> Any:
    from customerio.analytics.client import Client

    return Client(key, host=host, on_error=heard, upload_size=CALLS, timeout=TIMEOUT)


LIBRARIES: dict[str, Callable[[str, str, Heard], Any]] = {
    "segment-analytics-python": segment,
    "segment-analytics-python, gzip": segment_gzip,
    "rudder-sdk-python": rudderstack,
    "customerio-cdp-analytics": customer_io,
}
LOGGERS = ("segment", "rudderstack", "customerio")


def tell(client: Any, looks: int) -> None:
    """Tell of Ana: who she is, what she looked at, and the other calls."""
    client.identify("ana", {"email": "ana@example.com", "plan": "oro"})
    for number in range(looks):
        client.track("ana", "Product Viewed", {"product_id": f"p{number}", "price": 79.95})
    client.page("ana", "Tienda", "Botas")
    client.screen("ana", "App", "Cesta")
    client.group("ana", "club")
    client.alias("dora", "ana")


def quiet_libraries() -> None:
    """They log each fault of the script as an error; the test counts what they lose instead."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def until_sent(client: Any) -> threading.Thread:
    """Let the library send what it has, in a thread, because none of them takes a deadline."""
    thread = threading.Thread(target=client.shutdown, daemon=True)
    thread.start()
    return thread


def all_sent(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a library is still trying"
