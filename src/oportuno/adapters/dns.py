"""Asking the DNS for TXT records, by the resolver that this machine is set to."""

from __future__ import annotations

from typing import Final

import dns.asyncresolver
import dns.exception
import dns.resolver

_SECONDS: Final = 5.0


async def texts_of(name: str) -> list[str] | None:
    """Give the TXT records of a name, each joined of its parts; none where there is none, and None when nobody answers."""
    try:
        resolver = dns.asyncresolver.Resolver()
        answer = await resolver.resolve(name, "TXT", lifetime=_SECONDS, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except (dns.exception.DNSException, OSError):
        return None
    records = answer.rrset or ()
    return [b"".join(record.strings).decode("utf-8", "replace") for record in records]
