"""What stock libraries ask before they send: where to send to, and what else to load. The answer names this server and nobody else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_WANTED: Final = re.compile(rb"[A-Za-z0-9-]{1,60}(?: ?, ?[A-Za-z0-9-]{1,60}){0,20}")
_OPEN: Final[dict[str, Any]] = {"__default": {"enabled": True, "integrations": {}}}


def address_asked(public_url: str, host: bytes, scheme: str) -> str:
    """Give the address under which a library reached this server, such as ``https://eventos.example``.

    A public address with https was laid down by whoever put a proxy in front, and holds. Otherwise what the library itself asked for does:
    a server that listens on every address cannot know which of them was meant.
    """
    if public_url.startswith("https://") or not _HOST.fullmatch(host):
        return public_url
    return f"{'https' if scheme == 'https' else 'http'}://{host.decode('ascii')}"


def segment_settings(write_key: str, address: str) -> bytes:
    """Write what Segment's browser libraries load as their settings: one integration, this server, and no other party."""
    scheme, _, rest = address.partition("://")
    api_host = f"{rest}/v1"
    return msgspec.json.encode(
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": write_key,
                    "apiHost": api_host,
                    "protocol": scheme,
                    "addBundledMetadata": True,
                    "unbundledIntegrations": [],
                    "bundledConfigIds": [],
                    "maybeBundledConfigIds": {},
                    "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
                }
            },
            "plan": {"track": _OPEN, "identify": _OPEN, "group": _OPEN},
            "edgeFunction": {},
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "remotePlugins": [],
            "legacyVideoPluginsEnabled": False,
            "analyticsNextEnabled": True,
            # The library tells its maker how it fares, unless it is told to tell nobody.
            "metrics": {"sampleRate": 0, "host": api_host, "protocol": scheme},
        }
    )


def rudder_source(write_key: str, key_id: str) -> bytes:
    """Write what RudderStack's libraries load as their source: it is open, sends to no other destination, and reports to nobody."""
    quiet = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    return msgspec.json.encode(
        {
            "source": {
                "id": key_id,
                "name": "Oportuno",
                "writeKey": write_key,
                "enabled": True,
                "workspaceId": "oportuno",
                "config": {"statsCollection": quiet},
                "destinations": [],
                "connections": [],
                "dataplanes": {},
            }
        }
    )


def key_asked(query: bytes) -> str:
    """Give the write key of an address: ``?writeKey=``, for beacons, which can send no header; empty when there is none."""
    if b"writeKey=" not in query:
        return ""
    try:
        return parse_qs(query.decode("ascii"), max_num_fields=20, errors="strict").get("writeKey", [""])[-1]
    except ValueError:
        return ""


def wanted_headers(headers: Mapping[bytes, bytes], usual: bytes) -> bytes:
    """Say which headers a page of another origin may send: those it asks for, because every library has one of its own."""
    asked = headers.get(b"access-control-request-headers", b"").strip().lower()
    return asked if _WANTED.fullmatch(asked) else usual
