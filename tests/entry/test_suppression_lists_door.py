"""Lists of suppressions as files, through the door and from the command line: rehearsed, brought in, mended, taken back, given out."""

from __future__ import annotations

import csv
import gc

import pytest
from api_house import tell
from typer.testing import CliRunner

from oportuno.entry.cli import app

LIST = (
    "EmailAddress,SuppressionReason,Origin\n"
    "ana@example.com,HardBounce,Recipient\n"
    "not an address,HardBounce,Recipient\n"
    "bruno@example.com,Weather,Recipient\n"
    "carla@example.com,SpamComplaint,Recipient\n"
    "dora@example.com\n"
)


def test_a_file_is_rehearsed_brought_in_given_out_and_taken_back():
    async def story(tienda):
        async def put(**ways):
            answer = await tienda.client.put(
                "/api/v1/suppressions.csv", params=ways, content=LIST.encode(), headers=tienda.secret | {"content-type": "text/csv"}
            )
            assert answer.status_code == 200, answer.text
            return answer.json()

        would = await put(dry_run=True, name="old")
        assert (would["dry_run"], would["added"], (await tienda.get("/suppressions")).json()["items"]) == (True, 2, [])
        done = await put(name="old")
        assert (done["name"], done["rows"], done["added"], done["refused"]) == ("old", 5, 2, 3)
        assert "Postmark" in done["taken_as"]
        told = [(row["line"], row["field"], row["code"]) for row in done["refused_rows"]]
        assert told == [(3, "EmailAddress", "address_malformed"), (4, "SuppressionReason", "reason_unknown"), (6, "", "row_columns")]
        assert ((await put(name="old"))["added"], (await put())["standing"]) == (0, 2)
        given = await tienda.get("/suppressions.csv")
        assert given.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(given.text.splitlines()))
        assert {(row["channel"], row["reason"], row["source"]) for row in rows} == {
            ("email", "complaint", "lists"),
            ("email", "hard_bounce", "lists"),
        }
        assert "ana@" not in given.text
        gone = await tienda.client.delete("/api/v1/suppressions/lists/old", headers=tienda.secret)
        assert (gone.status_code, gone.json()["code"]) == (404, "list_unknown")

    tell(story)


def test_a_list_is_taken_back_through_the_door():
    async def story(tienda):
        answer = await tienda.client.put(
            "/api/v1/suppressions.csv?name=spring 2026&reason=unsubscribed", content=b"address\nana@example.com\n", headers=tienda.secret
        )
        assert answer.json()["reasons"] == {"unsubscribed": 1}
        gone = await tienda.client.delete("/api/v1/suppressions/lists/spring%202026", headers=tienda.secret)
        assert gone.json() == {"lifted": 1, "kept": 0}
        assert (await tienda.client.get("/api/v1/suppressions.csv")).status_code == 401

    tell(story)


@pytest.mark.parametrize(
    ("body", "ways", "code"),
    [
        (b"name,city\nAna,Santander\n", {}, "column_needed"),
        (b"ana@example.com\nbruno@example.com\n", {}, "headings_missing"),
        (b"", {}, "file_empty"),
        (b"address\nana@example.com\n", {"name": "../etc"}, "list_name"),
        (b"address\nana@example.com\n", {"reason_column": "why"}, "column_unknown"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(body, ways, code):
    async def story(tienda):
        answer = await tienda.client.put("/api/v1/suppressions.csv", params=ways, content=body, headers=tienda.secret)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert (await tienda.get("/suppressions")).json()["items"] == []

    tell(story)


@pytest.fixture
def oportuno(postgres_url):
    """The command line in this process, on a database of its own; gives what it printed."""
    threshold = gc.get_threshold()

    def run(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(app, [str(each) for each in arguments], env={"DATABASE_URL": postgres_url})
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    yield run
    # A verb about files keeps the process it has to itself from looking for circles.
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.mark.postgres
def test_refused_rows_are_kept_whole_mended_and_brought_in_and_the_list_is_taken_back(oportuno, tmp_path):
    oportuno("workspace", "create", "Tienda Norte")
    file, out, aside = tmp_path / "postmark.csv", tmp_path / "list.csv", tmp_path / "postmark.csv.refused.csv"
    file.write_text(LIST, encoding="utf-8")
    assert "5 rows: 2 would be added" in oportuno("suppressions", "import", file, "--name", "old", "--dry-run")
    done = oportuno("suppressions", "import", file, "--name", "old")
    assert "5 rows: 2 added, 0 made graver, 0 standing, 3 refused" in done
    assert done.endswith("to take it back: oportuno suppressions take-back old\n")
    with aside.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["refused_line"], row["refused_code"], row["refused_row"]) for row in rows] == [
        ("3", "address_malformed", ""),
        ("4", "reason_unknown", ""),
        ("6", "row_columns", "dora@example.com"),
    ]
    aside.write_text(aside.read_text(encoding="utf-8").replace("Weather", "ManualSuppression"), encoding="utf-8")
    again = oportuno("suppressions", "import", aside, "--name", "old", "--refused", tmp_path / "again.csv")
    assert "3 rows: 2 added" in again
    lifted = oportuno("suppressions", "lift", "ANA@example.com", "--reason", "the server was mended")
    assert lifted == "lifted: it was on the list as hard_bounce\n"
    assert "3 entries written" in oportuno("suppressions", "export", out)
    assert out.read_text(encoding="utf-8").count("list old") == len(["bruno", "carla", "dora"])
    assert "file_differs" in oportuno("suppressions", "export", out, "--addresses", code=2)
    assert "0 entries written" in oportuno("suppressions", "export", out, "--addresses", "--overwrite")
    assert oportuno("suppressions", "take-back", "old") == "3 lifted\n"
    assert "list_unknown" in oportuno("suppressions", "take-back", "old", code=1)
