"""Secrets as they lie in the database: sealed with a key that is not in it (AES-256-GCM), each to the row it belongs to.

Whoever has a copy of the database has no secret of it; whoever can write to it cannot put one row's secret into another's place. What was
written before there was sealing is read as it stands, and sealed when it is written again.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oportuno.kit.faults import BadInput, Unavailable

_MARK: Final = b"\x00sealed\x01"
"""How everything sealed begins. No secret that anybody types begins with a NUL."""
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
KEY_FILE: Final = "sealing.key"
"""In the data directory, unless a key is set."""


class Sealer:
    """Seals with the first of its keys and opens with any of them. They are read when the first secret asks for them.

    Everything here raises BadInput when they cannot be read, are none, or one is no 32 bytes long.
    """

    def __init__(self, read: Callable[[], Sequence[bytes]]) -> None:
        self._read = read
        self._keys: dict[bytes, AESGCM] = {}
        self._current = b""

    def seal(self, secret: bytes, *, place: str) -> bytes:
        """Seal a secret to its place: table, workspace and row. It opens at that place only."""
        self._have_keys()
        nonce = os.urandom(_NONCE_BYTES)
        return _MARK + self._current + nonce + self._keys[self._current].encrypt(nonce, secret, place.encode())

    def open(self, stored: bytes, *, place: str) -> bytes:
        """Give the secret; what was never sealed is given as it is.

        Raises Unavailable when its key is not at hand, or when it was sealed to another place or changed.
        """
        if not is_sealed(stored):
            return stored
        self._have_keys()
        rest = stored[len(_MARK) :]
        if rest[:_ID_BYTES] not in self._keys:
            # Another process may have put a new key there meanwhile.
            self._keys = {}
            self._have_keys()
        key = self._keys.get(rest[:_ID_BYTES])
        if key is None:
            raise Unavailable("sealing_key_unknown", "a secret was sealed with a key that is not here", place=place)
        nonce, sealed = rest[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], rest[_ID_BYTES + _NONCE_BYTES :]
        try:
            return key.decrypt(nonce, sealed, place.encode())
        except (InvalidTag, ValueError) as error:
            raise Unavailable("secret_not_opened", "a stored secret was changed, or stood elsewhere before", place=place) from error

    def opened(self, stored: bytes, *, place: str, else_none: bool) -> bytes | None:
        """Do what `open` does; `else_none`: give None where that raises Unavailable, for a list that shows what is left."""
        try:
            return self.open(stored, place=place)
        except Unavailable:
            if else_none:
                return None
            raise

    def is_current(self, stored: bytes) -> bool:
        """Say whether something is sealed with the key that seals now."""
        self._have_keys()
        return is_sealed(stored) and stored[len(_MARK) : len(_MARK) + _ID_BYTES] == self._current

    def _have_keys(self) -> None:
        if self._keys:
            return
        keys = self._read()
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise BadInput("sealing_key_unfit", "a sealing key is 32 bytes in base64", place="OPORTUNO_SEALING_KEY")
        self._keys = {_id_of(key): AESGCM(key) for key in keys}
        self._current = _id_of(keys[0])


def is_sealed(stored: bytes) -> bool:
    """Say whether a stored secret is sealed."""
    return stored.startswith(_MARK)


def read_keys(text: str) -> list[bytes]:
    """Read keys as they are written: base64, one a line or parted by commas, the one that seals first. Raises BadInput."""
    words = text.replace(",", "\n").split()
    try:
        return [base64.b64decode(word, altchars=b"-_", validate=True) for word in words]
    except (binascii.Error, ValueError) as error:
        raise BadInput("sealing_key_unfit", "a sealing key is 32 bytes in base64", place="OPORTUNO_SEALING_KEY") from error


def keys_in(path: Path, *, make: bool) -> list[bytes]:
    """Read the keys of a file; where it is not there, `make` one with a new key, for its owner alone (0600). Raises BadInput."""
    try:
        return read_keys(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        if not make:
            raise BadInput("sealing_key_unreadable", "the file of the sealing key is not there", place=str(path)) from None
    except (OSError, UnicodeError) as error:
        raise BadInput("sealing_key_unreadable", "the file of the sealing key cannot be read", place=str(path)) from error
    with suppress(FileExistsError):  # of two first starts the first one's key stays
        _write(path, [os.urandom(_KEY_BYTES)], anew=True)
    return read_keys(path.read_text(encoding="ascii"))


def add_key(path: Path) -> None:
    """Put a new key before those of a file: it seals from now on, and the old ones still open."""
    _write(path, [os.urandom(_KEY_BYTES), *keys_in(path, make=True)], anew=False)


def _write(path: Path, keys: Sequence[bytes], *, anew: bool) -> None:
    """Write a key file whole or not at all. `anew`: raises FileExistsError where there is one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
            out.flush()
            os.fsync(out.fileno())
        try:
            if anew:
                os.link(beside, path)
            else:
                beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise BadInput("sealing_key_unwritable", "the file of the sealing key cannot be written", place=str(path)) from error


def _id_of(key: bytes) -> bytes:
    return blake2b(key, digest_size=_ID_BYTES, person=b"oportuno keyid").digest()
