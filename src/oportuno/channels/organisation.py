"""Whose a domain is: the organisational domain of RFC 7489 §3.2, told by the list of public suffixes.

The list comes with the library and is as new as the library is: nothing is asked of the network.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

_REMEMBERED: Final = 4_096


@lru_cache(_REMEMBERED)
def organisation_of(domain: str) -> str:
    """Give the name under which somebody has registered a domain: ``tienda.co.uk`` of ``correo.tienda.co.uk``, in ASCII.

    Empty for what nobody can register: a public suffix itself (``co.uk``), one word, no name at all. A last word that the list does not
    know counts as a public suffix.
    """
    plain = domain.strip().lower().rstrip(".")
    try:
        plain = plain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return _suffixes().privatesuffix(plain) or ""


@cache
def _suffixes() -> PublicSuffixList:
    """Read once, when two names are first compared: 10,000 rules, of which most processes need none."""
    return PublicSuffixList()
