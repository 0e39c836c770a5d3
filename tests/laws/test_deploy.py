"""What lies in deploy/ fits the program: its commands, settings and metrics exist. Nobody runs these files here, so nothing else tells."""

from __future__ import annotations

import json
import re
from configparser import RawConfigParser
from pathlib import Path

import pytest
import typer.main
from the_code import DOCS, ROOT

from oportuno.entry.cli import app
from oportuno.settings import Settings

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
VERBS = set(typer.main.get_command(app).commands)
_CALL = re.compile(r"bin/oportuno ([a-z-]+)")


def test_there_is_something_to_run_each_part_by() -> None:
    called = {verb for unit in UNITS for verb in _CALL.findall(unit.read_text(encoding="utf-8"))}
    assert called == {"serve", "api", "engine", "deliver", "mail-in", "backup"}
    assert called <= VERBS


@pytest.mark.parametrize("unit", [each for each in UNITS if each.suffix == ".service"], ids=lambda each: each.name)
def test_every_service_gains_nothing_and_writes_only_its_own_state(unit: Path) -> None:
    read = RawConfigParser(strict=False)
    read.read(unit)
    service = read["Service"]
    for word, value in {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "CapabilityBoundingSet": ""}.items():
        assert service[word] == value
    assert (service["User"], service["UMask"]) == ("oportuno", "0077")
    assert service["StateDirectory"].startswith("oportuno")


def test_every_setting_that_is_named_exists() -> None:
    known = {f"OPORTUNO_{name.upper()}" for name in Settings.model_fields}
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert set(re.findall(r"OPORTUNO_[A-Z_]+", path.read_text(encoding="utf-8"))) <= known, path.name


def test_the_container_calls_what_exists_and_copies_what_is_there() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["oportuno"]' in text
    assert json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[0])[0] in VERBS
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources), line
        assert {f"!{source}" for source in sources} <= set((ROOT / ".dockerignore").read_text(encoding="utf-8").split()), line
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    board = json.loads((DEPLOY / "grafana" / "oportuno.json").read_text(encoding="utf-8"))
    documented = set(re.findall(r"`(oportuno_[a-z_]+)", (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")))
    asked = {name for panel in board["panels"] for target in panel["targets"] for name in re.findall(r"oportuno_[a-z_]+", target["expr"])}
    assert len(asked) > 15
    assert {re.sub(r"_bucket$", "", name) for name in asked} <= documented
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
