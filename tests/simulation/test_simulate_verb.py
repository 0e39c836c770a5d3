"""What `oportuno simulate` tells its reader."""

from __future__ import annotations

import io

import pytest
from planted import planted
from rich.console import Console

from oportuno.entry import simulate as verb
from oportuno.kit.faults import BadInput


def told(**options):
    out = io.StringIO()
    code = verb.simulate(console=Console(file=out, width=200), **options)
    return code, out.getvalue()


def test_the_sum_says_how_much_was_played_and_is_the_same_again():
    code, text = told(seed=7, histories=3, steps=30)
    assert code == 0
    assert "3 histories of 30 steps" in text
    assert "0 broke a promise" in text
    assert text.split("Digest")[1] == told(seed=7, histories=3, steps=30)[1].split("Digest")[1]


def test_a_broken_promise_is_told_with_the_command_that_shows_it_again(monkeypatch):
    with planted("a limit by count, then insert", monkeypatch) as history:
        monkeypatch.setattr(verb, "History", history)
        code, text = told(seed=1, histories=40, steps=100)
        assert code == verb.BROKEN
        command = next(line for line in text.splitlines() if "again: oportuno simulate" in line)
        seed = int(command.split("--seed ")[1].split()[0])
        assert f"seed {seed}, step" in text
        again, trace = told(seed=seed, steps=100, trace=True)
        assert again == verb.BROKEN
        assert "commits" in trace


@pytest.mark.parametrize("count", [{"histories": 0}, {"steps": 0}])
def test_nothing_to_play_is_an_error_that_names_the_option(count):
    with pytest.raises(BadInput) as refused:
        told(**count)
    assert refused.value.place == f"--{next(iter(count))}"
