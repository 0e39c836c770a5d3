"""The list of who was forgotten: it only grows, survives a death in the middle of a line, and is of one installation."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from oportuno.adapters.erasure_list import ErasureList, Listed, read_list
from oportuno.kit.faults import BadInput, Unavailable
from oportuno.kit.ids import CustomerKey
from oportuno.settings import Settings
from oportuno.wiring.keeping import erasures_file, list_to_restore_by

ANA = Listed(CustomerKey(3, 1, 77), 1_795_000_000_000)
BRUNO = Listed(CustomerKey(4, 1, 78), 1_795_000_000_500)
OURS = "0011223344556677"


def test_who_is_noted_is_read_again_once_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "erasures"
    listed = ErasureList(path, OURS)
    assert listed.note([]) == 0
    assert read_list(path, OURS) == []
    assert [listed.note([ANA]), listed.note([ANA, BRUNO]), listed.note([ANA, BRUNO])] == [1, 1, 0]
    assert read_list(path, OURS) == [ANA, BRUNO]
    assert ErasureList(path, OURS).note([BRUNO]) == 0, "who comes later knows what is there"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_not_written_to_its_end_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "erasures"
    ErasureList(path, OURS).note([ANA, BRUNO])
    path.write_text(path.read_text(encoding="ascii")[:-9], encoding="ascii")
    half = read_list(path, OURS)
    assert half[0] == ANA
    # A number that was cut off reads as another one at the most: nobody in particular, and the whole line follows.
    ErasureList(path, OURS).note([ANA, Listed(CustomerKey(5, 1, 79), 1)])
    assert read_list(path, OURS)[-1] == Listed(CustomerKey(5, 1, 79), 1)


def test_a_list_of_another_installation_and_what_is_no_list_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "erasures"
    ErasureList(path, OURS).note([ANA])
    with pytest.raises(BadInput) as refused:
        read_list(path, "ffffffffffffffff")
    assert refused.value.code == "erasures_list_other"
    with pytest.raises(BadInput):
        ErasureList(path, "ffffffffffffffff").note([BRUNO])
    for other in (tmp_path / "none", tmp_path):
        with pytest.raises(BadInput) as refused:
            read_list(other, OURS)
        assert refused.value.code == "erasures_list_unreadable"
    path.write_bytes(b"\xff\xfe nothing of ours")
    with pytest.raises(BadInput):
        read_list(path, OURS)
    with pytest.raises(Unavailable) as unwritten:
        ErasureList(tmp_path / "no folder" / "erasures", OURS).note([ANA])
    assert unwritten.value.code == "erasures_unwritten"


def test_nobody_restores_without_a_list_by_mistake(tmp_path: Path) -> None:
    embedded = Settings(data_dir=tmp_path)
    with pytest.raises(BadInput) as refused:
        list_to_restore_by(embedded, None, without=False)
    assert refused.value.code == "erasures_list_missing"
    assert list_to_restore_by(embedded, None, without=True) is None
    ErasureList(tmp_path / "erasures", OURS).note([ANA])
    assert list_to_restore_by(embedded, None, without=False) == tmp_path / "erasures"
    elsewhere = Settings(database_url=SecretStr("postgresql://db.example/oportuno"))
    assert erasures_file(elsewhere) is None
    with pytest.raises(BadInput):
        list_to_restore_by(elsewhere, tmp_path / "none", without=False)
