"""A backup holds one moment whatever goes on meanwhile, and comes back exactly; what cannot be used is refused and changes nothing."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from oportuno.adapters.postgres.backup import back_up
from oportuno.adapters.postgres.backup_file import read_whole, write_whole
from oportuno.adapters.postgres.migrate import migrate
from oportuno.adapters.postgres.restore import Restoring
from oportuno.entry.cli import app
from oportuno.kit.faults import BadInput, Conflict, Unavailable

pytestmark = pytest.mark.postgres

_TABLES = """
SELECT c.relname FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace ORDER BY 1
"""
_SHOP = """
INSERT INTO workspaces (public_id, name, timezone, locale) VALUES ('ws_norte', 'Tienda Norte', 'Europe/Madrid', 'es-ES');
INSERT INTO keys (hash, workspace, key_id, secret) VALUES ('\\x01', 1, 'key_1', false);
INSERT INTO definitions (workspace, kind, key, version, source) VALUES (1, 'policy', 'policy', 1, E'quiet: "none"\\n\\ttab, \\\\ and ñ');
INSERT INTO customers (bucket, workspace, customer, version, due_at, state)
VALUES (3, 1, 77, 5, 1, '\\x0a0d5c00ff'), (4, 1, 78, 1, NULL, '');
INSERT INTO parts (part, at, says) VALUES ('engine', 1, '{"n": 1}');
SELECT nextval('lane_numbers'), nextval('lane_numbers');
"""
_EVENT = """
INSERT INTO events (bucket, workspace, lane, seq, customer, h, source, call, name, at, received, body)
SELECT 3, 1, 1, clock_millis() * 1000 + n, 77, '\\x01', 0, 0, 'Product Viewed', 1, 2, convert_to('{"n": ' || n || '}', 'UTF8')
FROM generate_series(1, 500) n
"""


def fresh(server: str, *, like: str = "template1") -> str:
    """Make a database, an empty one or one like another, and give its url."""
    name = f"t{secrets.token_hex(6)}"
    template = psycopg.conninfo.conninfo_to_dict(like)["dbname"] if "/" in like or "=" in like else like
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(str(template))))
    return psycopg.conninfo.make_conninfo(server, dbname=name)


def seen_by(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Give what every table holds, and where every sequence stands."""
    names = [row[0] for row in connection.execute(_TABLES).fetchall()]
    question = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} t"
    found: dict[str, Any] = {name: connection.execute(sql.SQL(question).format(sql.Identifier(name))).fetchone() for name in names}
    found["sequences"] = connection.execute("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1").fetchall()
    return found


@pytest.fixture(scope="module")
def shop(postgres_server: str) -> str:
    """Tienda Norte, that everybody here leaves as it is."""
    url = fresh(postgres_server)
    migrate(url, secret=b"the first secret, thirty-two by.")
    with psycopg.connect(url) as connection:
        connection.execute(_SHOP)
        connection.execute(_EVENT)
    return url


@pytest.fixture
def kept(shop: str, tmp_path: Path) -> Path:
    back_up(shop, tmp_path / "kept.zip")
    return tmp_path / "kept.zip"


def test_what_is_restored_is_what_one_moment_held_while_others_went_on_writing(shop: str, postgres_server: str, tmp_path: Path) -> None:
    shop = fresh(postgres_server, like=shop)
    with psycopg.connect(shop) as looking:
        looking.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        [snapshot] = looking.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        asked_to_stop = threading.Event()
        written = threading.Event()

        def go_on() -> None:
            with psycopg.connect(shop, autocommit=True) as connection:
                while not asked_to_stop.is_set():
                    connection.execute(_EVENT)
                    connection.execute("UPDATE customers SET version = version + 1")
                    written.set()

        writer = threading.Thread(target=go_on)
        writer.start()
        try:
            assert written.wait(120)
            manifest = back_up(shop, tmp_path / "kept.zip", snapshot=snapshot)
        finally:
            asked_to_stop.set()
            writer.join()
        reference = seen_by(looking)
    assert manifest.tables["events"].rows == 500
    empty = fresh(postgres_server)
    with read_whole(tmp_path / "kept.zip") as backup:
        restoring = Restoring(empty, backup)
        assert not restoring.begin()
        restoring.load()
        restoring.end()
    with psycopg.connect(empty) as connection:
        assert seen_by(connection) == reference
        # Whoever is born now gets a number that nobody had.
        assert connection.execute("SELECT nextval('lane_numbers')").fetchone() == (3,)
    assert (tmp_path / "kept.zip").stat().st_mode & 0o777 == 0o600


def test_while_a_restore_is_unfinished_nothing_works_there_and_the_next_one_begins_anew(kept: Path, postgres_server: str) -> None:
    half = fresh(postgres_server)
    with read_whole(kept) as backup:
        Restoring(half, backup).begin()
        with pytest.raises(Unavailable) as refused:
            migrate(half, secret=b"another")
        assert refused.value.code == "restore_unfinished"
        with pytest.raises(Unavailable) as refused:
            back_up(half, kept.with_name("of_half.zip"))
        assert refused.value.code == "restore_unfinished"
        again = Restoring(half, backup)
        assert again.begin()
        again.load()
        again.end()
    migrate(half, secret=b"another")
    with psycopg.connect(half) as connection:
        assert connection.execute("SELECT secret FROM installation").fetchone() == (b"the first secret, thirty-two by.",)


def test_a_database_that_holds_anything_is_left_as_it_is(kept: Path, shop: str) -> None:
    with psycopg.connect(shop) as connection:
        before = seen_by(connection)
    with read_whole(kept) as backup, pytest.raises(Conflict) as refused:
        Restoring(shop, backup).begin()
    assert refused.value.code == "database_not_empty"
    with psycopg.connect(shop) as connection:
        assert seen_by(connection) == before


def test_a_backup_of_a_newer_release_is_refused_by_its_name_and_one_of_an_older_is_brought_up(kept: Path, postgres_server: str) -> None:
    older, newer = kept.with_name("older.zip"), kept.with_name("newer.zip")
    reschema(kept, newer, schema="9999", oportuno="9.0")
    empty = fresh(postgres_server)
    with read_whole(newer) as backup, pytest.raises(BadInput, match=r"release 9\.0 made this backup") as refused:
        Restoring(empty, backup).begin()
    assert refused.value.code == "backup_newer"
    # Of the first schema, as far as its tables were these already.
    reschema(kept, older, schema="0001", tables=("installation", "workspaces", "keys", "definitions", "customers", "events"))
    with read_whole(older) as backup:
        restoring = Restoring(empty, backup)
        restoring.begin()
        restoring.load()
        restoring.end()
    migrate(empty, secret=b"another")
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT count(*), (SELECT count(*) FROM erasures) FROM events").fetchone() == (500, 0)


def reschema(source: Path, target: Path, *, tables: tuple[str, ...] = (), **said: str) -> None:
    """Write a backup anew with another manifest, and perhaps fewer tables."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read("manifest.json")) | said
        if tables:
            manifest["tables"] = {name: manifest["tables"][name] for name in manifest["tables"] if name in tables}
            manifest["sequences"] = {}
        for name in manifest["tables"]:
            new.writestr(f"tables/{name}", old.read(f"tables/{name}"))
        new.writestr("manifest.json", json.dumps(manifest))


def test_a_backup_that_is_not_whole_or_not_what_was_written_is_refused_before_anything_is_touched(kept: Path) -> None:
    whole = kept.read_bytes()
    other = kept.with_name("other.zip")
    for spoilt in (whole[: len(whole) // 2], b"", b"nothing of ours", whole[:400] + bytes(64) + whole[464:]):
        other.write_bytes(spoilt)
        with pytest.raises(BadInput) as refused, read_whole(other):
            pass
        assert refused.value.code == "backup_unreadable"
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"Tienda Norte", b"Tienda Ajena"))
    with pytest.raises(BadInput, match="not what was written"), read_whole(other):
        pass


def oportuno_on_a_full_disk(url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The program itself, where no file can be longer than a block of 512 or 1,024 bytes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPORTUNO_")}
    return subprocess.run(
        ["sh", "-c", 'ulimit -f 1 && exec "$0" "$@"', sys.executable, "-m", "oportuno", *map(str, arguments)],
        env=kept | {"DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_full_disk_ends_the_program_in_a_sentence_and_the_backup_of_before_is_still_whole(shop: str, tmp_path: Path) -> None:
    back_up(shop, tmp_path / "kept.zip")
    before = (tmp_path / "kept.zip").read_bytes()
    full = oportuno_on_a_full_disk(shop, "backup", tmp_path / "kept.zip", "--overwrite")
    assert (full.returncode, "backup_disk_full" in full.stderr, "Traceback" in full.stderr) == (3, True, False), full.stderr
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("kept.zip", before)]


def test_a_backup_of_a_newer_release_and_a_database_of_one_are_left_as_they_are(
    kept: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer, empty, theirs = kept.with_name("newer.zip"), fresh(postgres_server), fresh(postgres_server)
    reschema(kept, newer, schema="9999", oportuno="9.0")
    with psycopg.connect(theirs, autocommit=True) as connection:
        connection.execute("CREATE TABLE oportuno_schema (version_num varchar(32)); INSERT INTO oportuno_schema VALUES ('9999')")
    for url, file, code in ((empty, newer, "backup_newer"), (theirs, kept, "database_not_empty")):
        monkeypatch.setenv("DATABASE_URL", url)
        refused = CliRunner().invoke(app, ["restore", str(file), "--without-erasures"])
        assert (refused.exit_code in {1, 2}, code in refused.output) == (True, True), refused.output
    with psycopg.connect(empty) as connection:
        assert seen_by(connection).keys() == {"sequences"}
    with psycopg.connect(theirs) as connection:
        assert connection.execute("SELECT version_num FROM oportuno_schema").fetchall() == [("9999",)]


def write_half(file: Path) -> None:
    """Write into a backup until the disk says that it is full."""
    with write_whole(file, overwrite=False) as out, out.table("customers") as member, open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - no file
        member.write(b"half\n")
        full.write(b"the other half\n")


def test_a_backup_is_there_whole_or_not_at_all(shop: str, tmp_path: Path) -> None:
    file = tmp_path / "kept.zip"
    with pytest.raises(Unavailable) as refused:
        write_half(file)
    assert refused.value.code == "backup_disk_full"
    assert list(tmp_path.iterdir()) == []
    back_up(shop, file)
    with pytest.raises(BadInput) as refused:
        back_up(shop, file)
    assert refused.value.code == "file_differs"
    back_up(shop, file, overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["kept.zip"]
