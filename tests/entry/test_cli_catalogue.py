"""A feed is taken in from the command line: what is refused stands beside it, and a full feed that is too small withdraws nothing."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import psycopg
import pytest

pytestmark = pytest.mark.postgres


def run(url, *arguments):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPORTUNO_")}
    return subprocess.run(
        [sys.executable, "-m", "oportuno", *arguments],
        capture_output=True,
        text=True,
        env=kept | {"DATABASE_URL": url},
        timeout=300,
        check=False,
    )


def products(url):
    import msgspec

    from oportuno.catalog.product import Product

    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT body FROM products ORDER BY product").fetchall()
    return [msgspec.msgpack.decode(body, type=Product) for (body,) in rows]


def test_a_shop_takes_in_its_feed_night_after_night(postgres_url, tmp_path):
    run(postgres_url, "migrate")
    made = json.loads(run(postgres_url, "workspace", "create", "Tienda Norte", "--json").stdout)
    feed = tmp_path / "productos.csv"
    feed.write_bytes("id;nombre;precio;existencias\np1;Lámpara;12,50;0\np2;Mesa;-1;1\np3;Silla;30;2\np4;Cama;200;1\n".encode("cp1252"))

    would = run(postgres_url, "catalogue", "import", str(feed), "--dry-run", "--workspace", made["workspace"])
    assert (would.returncode, products(postgres_url)) == (0, [])
    assert "3 rows read, 3 would be written" in would.stdout

    first = run(postgres_url, "catalogue", "import", str(feed), "--full")
    assert first.returncode == 0, first.stderr
    assert "Windows-1252" in first.stdout
    assert "3 rows read, 3 written, 0 unchanged, 0 withdrawn" in first.stdout
    assert (tmp_path / "productos.csv.refused.csv").read_text().splitlines()[1].startswith("3,price,price_negative,")
    assert [(each.name, each.price) for each in products(postgres_url)] == [("Lámpara", 1_250), ("Silla", 3_000), ("Cama", 20_000)]

    packed = tmp_path / "productos.csv.gz"
    packed.write_bytes(gzip.compress(b"id,name,price,stock\np1,L\xc3\xa1mpara,9.90,4\np3,Silla,30,2\n"))
    second = run(postgres_url, "catalogue", "import", str(packed), "--full")
    assert second.returncode == 0, second.stderr
    assert "2 rows read, 1 written, 1 unchanged, 1 withdrawn" in second.stdout
    assert "Product Price Dropped: 1" in second.stdout
    assert [(each.id, each.withdrawn) for each in products(postgres_url)] == [("p1", False), ("p3", False), ("p4", True)]

    tiny = tmp_path / "tiny.csv"
    tiny.write_text("id,name\nq1,New\n")
    third = run(postgres_url, "catalogue", "import", str(tiny), "--full")
    assert (third.returncode, "feed_too_small" in third.stderr) == (2, True)
    assert [each.id for each in products(postgres_url) if not each.withdrawn] == ["p1", "p3", "q1"]

    packed.write_bytes(packed.read_bytes()[:-12])
    assert "feed_cut" in run(postgres_url, "catalogue", "import", str(packed)).stderr
    unknown = run(postgres_url, "catalogue", "import", str(tmp_path / "x.pdf"))
    assert (unknown.returncode, "feed_format" in unknown.stderr) == (2, True)
    absent = run(postgres_url, "catalogue", "import", str(tmp_path / "x.csv"))
    assert (absent.returncode, "file_unreadable" in absent.stderr) == (2, True)
