"""A folder of mail is emptied without losing any: what is not stored stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from oportuno.adapters.mail_in.folder import MailFolder, prepare
from oportuno.kit.faults import Unavailable


def put(folder: Path, name: str, raw: bytes) -> None:
    (folder / "tmp" / name).write_bytes(raw)
    (folder / "tmp" / name).rename(folder / "new" / name)


def empty(folder: Path, take) -> int:
    return asyncio.run(asyncio.wait_for(MailFolder(folder, take).empty(), 60))


def test_what_is_stored_is_put_away_and_what_is_not_stays_and_comes_again(tmp_path):
    prepare(tmp_path)
    for name, raw in (("1.a", b"one"), ("2.b", b"two"), ("3.c", b"three")):
        put(tmp_path, name, raw)
    stored: list[bytes] = []

    async def refuses_two(raw: bytes, recipient: str) -> None:
        assert recipient == ""
        if raw == b"two":
            raise Unavailable("database_gone", "the database is gone")
        stored.append(raw)

    async def takes(raw: bytes, _recipient: str) -> None:
        stored.append(raw)

    assert empty(tmp_path, refuses_two) == 2
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["2.b"]
    assert empty(tmp_path, takes) == 1
    assert stored == [b"one", b"three", b"two"]
    assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == ["1.a:2,S", "2.b:2,S", "3.c:2,S"]
    assert empty(tmp_path, takes) == 0


def test_who_dies_between_storing_and_putting_away_does_it_again(tmp_path):
    prepare(tmp_path)
    put(tmp_path, "1.a", b"one")
    stored: list[bytes] = []

    async def dies_after(raw: bytes, _recipient: str) -> None:
        stored.append(raw)
        raise asyncio.CancelledError

    async def takes(raw: bytes, _recipient: str) -> None:
        stored.append(raw)

    with pytest.raises(asyncio.CancelledError):
        empty(tmp_path, dies_after)
    assert empty(tmp_path, takes) == 1
    assert stored == [b"one", b"one"]


def test_two_that_empty_one_folder_store_what_they_find_and_put_it_away_once(tmp_path):
    prepare(tmp_path)
    put(tmp_path, "1.a", b"one")

    async def the_other_was_quicker(_raw: bytes, _recipient: str) -> None:
        (tmp_path / "new" / "1.a").rename(tmp_path / "cur" / "1.a:2,S")

    assert empty(tmp_path, the_other_was_quicker) == 0
    assert len(list((tmp_path / "cur").iterdir())) == 1


def test_what_is_half_written_hidden_or_no_file_is_left_alone(tmp_path):
    prepare(tmp_path)
    (tmp_path / "tmp" / "1.a").write_bytes(b"half")
    (tmp_path / "new" / ".hidden").write_bytes(b"x")
    (tmp_path / "new" / "folder").mkdir()
    (tmp_path / "new" / "link").symlink_to(tmp_path / "tmp" / "1.a")

    async def takes(_raw: bytes, _recipient: str) -> None:
        raise AssertionError

    assert empty(tmp_path, takes) == 0


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable) as refused:
        prepare(tmp_path / "file" / "folder")
    assert refused.value.code == "mail_folder_unusable"
