"""The browser library's files: small, the same that their source makes, and served to any page."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from oportuno.entry.http.app import answer_fault
from oportuno.entry.http.sdk import FILES, sdk_router
from oportuno.kit.faults import Fault

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "web" / "sdk"
BUILT = ROOT / "src" / "oportuno" / "entry" / "http" / "assets" / "sdk"
CEILING = 12 * 1024
"""Bytes of the core as it travels, compressed."""


def tell(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Fault)
    return answer_fault(request, fault)


@pytest.fixture
def shop() -> TestClient:
    made = FastAPI()
    made.include_router(sdk_router())
    made.add_exception_handler(Fault, tell)
    return TestClient(made)


def test_the_core_is_small() -> None:
    assert len(gzip.compress((BUILT / "oportuno.min.js").read_bytes(), mtime=0)) <= CEILING


def test_the_files_are_what_their_source_makes_and_the_core_keeps_its_promises(tmp_path: Path) -> None:
    """Types, the same bytes, and the core's own tests with a clock turned by hand: all that `npm run check` does in web/sdk."""
    assert (SOURCE / "node_modules" / "esbuild").exists(), "run make sdk once: it brings what the library is built with"
    beside = Path(sys.prefix) / "node"
    npm = shutil.which("npm", path=str(beside)) or shutil.which("npm")
    assert npm, "run make node"
    path = f"{beside}:{Path(npm).parent}:/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run(
        [npm, "run", "--silent", "check"],
        cwd=SOURCE,
        env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]


def test_every_file_is_given_to_any_page_and_again_only_when_it_changed(shop: TestClient) -> None:
    for name in FILES:
        whole = shop.get(f"/sdk/{name}", headers={"accept-encoding": "identity"})
        small = shop.get(f"/sdk/{name}", headers={"accept-encoding": "br, gzip"})
        assert whole.content == small.content == (BUILT / name).read_bytes()
        assert small.headers["content-encoding"] == "gzip"
        assert whole.headers["content-type"] == "text/javascript; charset=utf-8"
        assert whole.headers["access-control-allow-origin"] == "*"
        assert "set-cookie" not in whole.headers
        again = shop.get(f"/sdk/{name}", headers={"accept-encoding": "gzip", "if-none-match": small.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert small.headers["etag"] != whole.headers["etag"]
        head = shop.head(f"/sdk/{name}", headers={"accept-encoding": "identity"})
        assert (head.status_code, head.content) == (200, b"")
        assert shop.post(f"/sdk/{name}").status_code == 405
    assert shop.get("/sdk/package.json").json()["code"] == "address_unknown"
    assert shop.get("/sdk/..%2fconsumer.css").status_code == 404
    assert {path.name for path in BUILT.iterdir()} == set(FILES)


def test_nothing_in_them_evaluates_text_writes_markup_or_knows_anybody_else() -> None:
    for name in FILES:
        text = (BUILT / name).read_text(encoding="utf-8")
        for forbidden in (r"\beval\(", r"new Function", r"innerHTML", r"document\.write", r"document\.cookie", r"insertAdjacentHTML"):
            assert not re.search(forbidden, text), (name, forbidden)
        assert set(re.findall(r"https?://[\w.-]+", text)) <= {"https://events.tiendanorte.example"}


def test_the_package_and_the_lock_name_no_place_from_where_they_came() -> None:
    lock = (SOURCE / "package-lock.json").read_text(encoding="utf-8")
    assert "http" not in lock
    assert '"resolved"' not in lock
    package = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package, "nobody else's code goes into a shop's pages"
    versions = {*package["devDependencies"].values(), package["version"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions), "exact versions make exact bytes"


@pytest.mark.parametrize("page", ["how-to/use-the-browser-library.md", "es/how-to/use-the-browser-library.md"])
def test_the_snippet_in_the_pages_is_the_one_that_is_built(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert (BUILT / "oportuno-snippet.js").read_text(encoding="utf-8").strip() in text


def test_everything_that_can_be_set_or_called_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "browser-library.md").read_text(encoding="utf-8")
    source = "".join((SOURCE / "src" / name).read_text(encoding="utf-8") for name in ("browser/index.ts", "core/client.ts"))
    settings = re.findall(r"^  (\w+)\?:", source, re.MULTILINE)
    assert len(settings) > 12
    assert [name for name in settings if f"`{name}`" not in text] == []
    paths = re.findall(r'"(track page .*?)"', (SOURCE / "src" / "browser" / "snippet.js").read_text(encoding="utf-8"))[0].split()
    assert [path for path in paths if f"`{path}" not in text] == []
    reasons = re.findall(r'reason: "(\w+)"', source + (SOURCE / "src" / "core" / "sender.ts").read_text(encoding="utf-8"))
    assert [reason for reason in reasons if f"`{reason}`" not in text] == []
