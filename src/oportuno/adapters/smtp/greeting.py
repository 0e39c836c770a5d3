"""Whether a mail server is there: it greets, and nothing more is asked of it."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Final

_SECONDS: Final = 30.0


async def greets(host: str, port: int, *, tls: bool) -> str:
    """Connect and wait for the greeting; gives why it did not come, empty when it did."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context() if tls else None)
            try:
                line = await reader.readline()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return "it does not answer in time"
    except ssl.SSLError:
        return "its certificate does not hold"
    except OSError as fault:
        return f"it cannot be reached ({type(fault).__name__})"
    return "" if line.startswith(b"220") else "it does not greet as a mail server does"
