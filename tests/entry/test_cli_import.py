"""Files are brought in from the command line: rehearsed, remembered, killed half-way and gone on with."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

pytestmark = pytest.mark.postgres

PATIENCE = 300
"""Seconds within which what must happen has happened on any machine."""
_HALT = """
CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.position >= 4000 THEN PERFORM pg_advisory_xact_lock(77); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER halt BEFORE UPDATE ON imports FOR EACH ROW EXECUTE FUNCTION halt();
"""
_HALTED = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted)"
_END_HALTED = "SELECT pg_terminate_backend(pid, %s) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted"


def command(url, *arguments):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPORTUNO_")}
    return {"args": [sys.executable, "-m", "oportuno", *map(str, arguments)], "env": kept | {"DATABASE_URL": url}}


def run(url, *arguments):
    return subprocess.run(**command(url, *arguments), capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def shop(postgres_url):
    made = run(postgres_url, "workspace", "create", "Tienda Norte", "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["workspace"]


def one(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone()[0]


def test_a_file_is_rehearsed_brought_in_and_its_mapping_remembered(postgres_url, shop, tmp_path):
    file = tmp_path / "pedidos.csv"
    file.write_bytes(
        "Pedido;Cliente;Fecha;Referencia;Unidades;Precio\nA1;ana;31/12/2025 18:30;LAMP;2;1.010,50\nA2;;31/12/2025;RUG;1;=80\n".encode(
            "cp1252"
        )
    )
    ways = ("--decimal", ",", "--dates", "dmy", "--fixed", "currency=EUR")
    would = run(postgres_url, "import", "orders", file, *ways, "--dry-run")
    assert would.returncode == 0, would.stderr
    assert "a semicolon between 6 columns" in would.stdout
    assert '"total":2021' in would.stdout
    assert one(postgres_url, "SELECT count(*) FROM events") == 0

    done = run(postgres_url, "import", "orders", file, *ways, "--remember", "till")
    assert "2 rows, 1 event stored, 1 row refused" in done.stdout
    assert one(postgres_url, "SELECT count(*) FROM events WHERE source = 2") == 1
    with (tmp_path / "pedidos.csv.refused.csv").open(encoding="utf-8", newline="") as refused:
        heads, row = list(csv.reader(refused))
    assert (heads[0], row[0], row[2]) == ("line", "3", "number_unreadable")
    assert row[-1] == "'=80"

    broken = run(postgres_url, "import", "orders", file, "--mapping", "nobody", "--workspace", shop)
    assert (broken.returncode, "mapping_unknown" in broken.stderr) == (1, True)
    listed = run(postgres_url, "imports").stdout
    assert "pedidos.csv: done" in listed
    assert "till" in listed


def test_killed_half_way_it_goes_on_where_it_stopped(postgres_url, shop, tmp_path):
    """The process dies in the middle of its second piece, events written and not committed."""
    file = tmp_path / "clientes.csv"
    file.write_text("user_id,email\n" + "".join(f"c{number},c{number}@example.com\n" for number in range(9_000)), encoding="utf-8")
    stored = "SELECT count(*) FROM events WHERE call & 15 = 1"
    with psycopg.connect(postgres_url, autocommit=True) as holder:
        holder.execute(_HALT)
        holder.execute("SELECT pg_advisory_lock(77)")
        process = subprocess.Popen(**command(postgres_url, "import", "customers", file, "--workspace", shop), stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + PATIENCE
            while not holder.execute(_HALTED).fetchone()[0]:
                assert process.poll() is None, "the import ended before it was halted"
                assert time.monotonic() < until
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait(PATIENCE)
        assert one(postgres_url, stored) == 2_000
        # Its session at the server dies with it; left alone it might find a commit that was sent already, and make it.
        assert holder.execute(_END_HALTED, (PATIENCE * 1_000,)).fetchall() == [(True,)]
        holder.execute("SELECT pg_advisory_unlock(77)")
    again = run(postgres_url, "import", "customers", file, "--workspace", shop)
    assert again.returncode == 0, again.stderr
    assert "went on behind row 2000" in again.stdout
    assert "9000 rows, 9000 events stored, 0 rows refused" in again.stdout
    assert one(postgres_url, stored) == 9_000
    assert "brought in before" in run(postgres_url, "import", "customers", file, "--workspace", shop).stdout
