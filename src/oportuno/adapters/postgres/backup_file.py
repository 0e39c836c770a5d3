"""A backup as a file: a ZIP of one member a table, and at the end the manifest by which each of them is checked.

A ZIP because it can be written as it comes, tells by its end whether it is whole, and opens everywhere. A member is what PostgreSQL's COPY
gives as text: a line a row, whatever release reads it later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

import msgspec

from oportuno.kit.faults import BadInput, Unavailable

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_LEVEL: Final = 3
_CHUNK: Final = 1 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class TableKept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one table."""

    columns: list[str]
    rows: int
    bytes: int
    """Before it was packed."""
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds, and by what it is checked."""

    format: int
    oportuno: str
    """The release that made it."""
    schema: str
    """The number of the schema that the tables have."""
    postgres: str
    created_at: str
    at: int
    """The moment of the snapshot, in milliseconds: nothing later is in it."""
    installation: str
    """A digest of the installation's secret: which installation it is of."""
    oldest_days: dict[str, int]
    """Partitioned table → the first day, counted from 1970, that it has a partition for."""
    sequences: dict[str, int]
    tables: dict[str, TableKept]
    """In the order in which they are brought back."""


class BackupOut:
    """A backup on its way into a file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    @contextmanager
    def table(self, name: str) -> Iterator[Counting]:
        """Begin the member of a table."""
        with self._archive.open(f"tables/{name}", "w", force_zip64=True) as member:
            yield Counting(member)

    def end(self, manifest: Manifest) -> None:
        """Write the manifest."""
        self._archive.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


class Counting:
    """Writes what it is given on, counts and digests it."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._digest = sha256()
        self.bytes = 0
        self.rows = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take what COPY gives: rows end with a line's end, and a line's end within a value is written with a backslash."""
        whole = bytes(data)
        self._digest.update(whole)
        self.bytes += len(whole)
        self.rows += whole.count(b"\n")
        self._out.write(whole)

    def kept(self, columns: list[str]) -> TableKept:
        """Give what was kept."""
        return TableKept(columns=columns, rows=self.rows, bytes=self.bytes, sha256=self._digest.hexdigest())


@contextmanager
def write_whole(file: Path, *, overwrite: bool) -> Iterator[BackupOut]:
    """Write a backup beside `file`, readable by its owner only, and give it its name once all of it is on the disk.

    Raises BadInput (``file_differs``, ``file_unwritable``), Unavailable (``backup_disk_full``); then nothing is left behind.
    """
    if file.exists() and not overwrite:
        raise BadInput("file_differs", "this file is there already; --overwrite replaces it", place=str(file))
    begun = file.with_name(file.name + ".part")
    try:
        begun.unlink(missing_ok=True)
        with open(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - by its descriptor
            with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
                yield BackupOut(archive)
            out.flush()
            os.fsync(out.fileno())
        begun.replace(file)
        _settle(file.parent)
    except OSError as fault:
        if fault.errno in _FULL:
            raise Unavailable("backup_disk_full", "the disk is full: the backup was not made", place=str(file)) from None
        raise BadInput("file_unwritable", "the file cannot be written", place=str(file)) from fault
    finally:
        with contextlib.suppress(OSError):
            begun.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Have the folder's entry on the disk too."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


class BackupIn:
    """A backup that was opened and found whole."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest

    def chunks(self, table: str) -> Iterator[bytes]:
        """Give a table's rows, as COPY takes them."""
        with self._archive.open(f"tables/{table}") as member:
            while chunk := member.read(_CHUNK):
                yield chunk


@contextmanager
def read_whole(file: Path) -> Iterator[BackupIn]:
    """Open a backup and check all of it by its digests. Raises BadInput ``backup_unreadable``, ``backup_newer``."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive, file)
            opened = BackupIn(archive, manifest)
            for name, kept in manifest.tables.items():
                digest = sha256()
                for chunk in opened.chunks(name):
                    digest.update(chunk)
                if digest.hexdigest() != kept.sha256:
                    raise _unreadable(file, f"the table {name} is not what was written")
            yield opened
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError) as fault:
        # The last: packed or locked in a way that is not ours.
        raise _unreadable(file, "it is no backup, or not all of one") from fault
    except OSError as fault:
        raise _unreadable(file, "it cannot be read") from fault


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    raw = archive.read(_MANIFEST)
    try:
        told = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        raise _unreadable(file, "its manifest cannot be read") from fault
    if told.format > FORMAT:
        raise BadInput(
            "backup_newer", f"release {told.oportuno} made this backup, in a form that this release does not know", place=str(file)
        )
    return told


def _unreadable(file: Path, why: str) -> BadInput:
    return BadInput("backup_unreadable", f"this backup cannot be used: {why}", place=str(file))
