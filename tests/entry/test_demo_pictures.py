"""What the demonstration's mails show: pictures that mail programs can show, and sizes that mean the same in every language."""

from __future__ import annotations

import struct

import pytest

from oportuno.entry.demo.complete_journey import _variant
from oportuno.entry.demo.drawings import names, picture
from oportuno.entry.demo.router import _mark


@pytest.mark.parametrize("name", sorted(names()))
def test_every_drawing_can_be_painted_for_a_mail(name: str) -> None:
    painted = picture(name, "huerta")
    assert painted.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", painted[16:24]) == (264, 264)
    assert len(painted) < 60_000


def test_the_shops_mark_can_be_painted_too() -> None:
    assert struct.unpack(">II", _mark()[16:24]) == (90, 90)


@pytest.mark.parametrize(
    ("size", "shown"),
    [("32 OZ", "907 g"), ("1 GA", "3785 ml"), ("12 QT", "11352 ml"), ("1 DZ", "12 ×"), ("2.5 LB", "1134 g"), ("5 CT", ""), ("", "")],
)
def test_a_size_is_written_without_words_or_a_decimal_sign(size: str, shown: str) -> None:
    assert _variant({"package_size": size}) == shown
