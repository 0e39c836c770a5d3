"""Whether somebody who takes mail is there: a mail server greets, a provider's endpoint is connected to, and nothing more is asked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Final

from oportuno.kit.words import Words

_SECONDS: Final = 30.0
_STRANGE: Final = Words("it does not greet as a mail server does", "no saluda como un servidor de correo")


async def greets(host: str, port: int, *, tls: bool) -> Words | None:
    """Connect and wait for a mail server's greeting; gives why it did not come, None when it did."""
    return await _connected(host, port, tls=tls, greeting=True)


async def answers(host: str, port: int, *, tls: bool) -> Words | None:
    """Connect; gives why that failed, None when it did not."""
    return await _connected(host, port, tls=tls, greeting=False)


async def _connected(host: str, port: int, *, tls: bool, greeting: bool) -> Words | None:
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context() if tls else None)
            try:
                line = await reader.readline() if greeting else b"220"
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return Words("it does not answer in time", "no contesta a tiempo")
    except ssl.SSLError:
        return Words("its certificate does not hold", "su certificado no vale")
    except socket.gaierror:
        return Words("there is no host of this name", "no hay ningún servidor con este nombre")
    except ConnectionRefusedError:
        return Words("nobody listens there", "ahí no escucha nadie")
    except OSError as fault:
        return Words(f"it cannot be reached ({type(fault).__name__})", f"no se llega a él ({type(fault).__name__})")
    except ValueError:
        # A line without end.
        return _STRANGE
    return None if line.startswith(b"220") else _STRANGE
