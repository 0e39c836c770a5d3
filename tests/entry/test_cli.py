"""The command line with real processes: one line when ready, clean ends, one sentence and an exit code when it cannot."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from oportuno.entry.cli_app import EXIT_ENVIRONMENT, EXIT_INPUT

pytestmark = pytest.mark.postgres
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tienda-norte"


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "PORT"} and not name.startswith("OPORTUNO_")}
    return kept | more


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oportuno", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=_environment(**environment), timeout=300, check=False)


@contextmanager
def serving(folder: Path, *arguments: str):
    """Run `oportuno serve` until it says where; whatever happens, it is ended."""
    command = [sys.executable, "-m", "oportuno", "serve", "--port", "0", "--data-dir", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("Oportuno is ready at http://127.0.0.1:"), process.stderr.read()
            yield process, line.split()[-1]
        finally:
            if process.poll() is None:
                process.kill()
            process.stdout.close()
            process.stderr.close()


def until(true, seconds: float = 300.0) -> None:
    """Wait for a condition, not for a time."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come about"
        signal.sigtimedwait([], 0.05)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=20) as answer:
            return json.load(answer)["engines"] > 0
    except OSError:
        return False


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    # The server's own user must get to its directory.
    for above in (folder, *folder.parents[:3]):
        above.chmod(0o755)
    with serving(folder) as (process, address):
        yield process, address, folder


def _part(process, name: str) -> psutil.Process:
    children = psutil.Process(process.pid).children()
    return next(child for child in children if "oportuno" in child.cmdline() and name in child.cmdline())


def test_every_part_of_a_running_house_tells_that_it_lives(house):
    _, address, _ = house

    def told() -> bool:
        with urllib.request.urlopen(f"{address}/metrics", timeout=300) as answer:
            page = answer.read().decode()
        return all(f'oportuno_parts{{part="{part}"}}' in page for part in ("api", "engine", "deliver"))

    until(told)


def test_a_workspace_is_made_its_rules_are_laid_down_and_come_back_as_they_were(house, tmp_path):
    _, _, folder = house
    made = run("workspace", "create", "Tienda Norte", "--timezone", "Europe/Madrid", "--json", OPORTUNO_DATA_DIR=str(folder))
    assert made.returncode == 0, made.stderr
    facts = json.loads(made.stdout)
    assert facts.keys() == {"workspace", "write_key", "secret_key"}
    applied = run("apply", str(EXAMPLE), "-w", facts["workspace"], OPORTUNO_DATA_DIR=str(folder))
    assert f"{len(list(EXAMPLE.rglob('*.yaml')))} published, 0 unchanged" in applied.stdout, applied.stderr
    assert run("export", str(tmp_path), "-w", facts["workspace"], OPORTUNO_DATA_DIR=str(folder)).returncode == 0
    for path in EXAMPLE.rglob("*.yaml"):
        assert (tmp_path / path.relative_to(EXAMPLE)).read_text() == path.read_text()
    listed = json.loads(run("workspace", "list", "--json", OPORTUNO_DATA_DIR=str(folder)).stdout)
    assert facts["workspace"] in [each["workspace"] for each in listed]


def test_a_fault_in_a_file_names_the_file_and_the_line(house, tmp_path):
    _, _, folder = house
    (tmp_path / "policy.yaml").write_text("policy:\n  quite: none\n")
    told = run("apply", str(tmp_path), OPORTUNO_DATA_DIR=str(folder))
    assert told.returncode == EXIT_INPUT
    assert "policy.yaml:2: " in told.stderr
    assert "Traceback" not in told.stderr


def test_an_unknown_message_has_no_reason(house):
    _, _, folder = house
    run("workspace", "create", "Otra", "--json", OPORTUNO_DATA_DIR=str(folder))
    workspace = json.loads(run("workspace", "list", "--json", OPORTUNO_DATA_DIR=str(folder)).stdout)[0]["workspace"]
    told = run("why", "msg_00000000000000000000000000", "-w", workspace, OPORTUNO_DATA_DIR=str(folder))
    assert (told.returncode, told.stderr.strip()) == (1, "oportuno: there is no such message in this workspace (message_unknown)")


def test_a_language_that_reasons_are_not_told_in_is_refused(house):
    _, _, folder = house
    told = run("why", "msg_00000000000000000000000000", "--language", "fr", OPORTUNO_DATA_DIR=str(folder))
    assert (told.returncode, told.stdout) == (EXIT_INPUT, "")
    assert "--language: “fr” is not a language" in told.stderr


def test_a_second_server_on_the_same_data_directory_is_refused_and_the_first_goes_on(house):
    _, address, folder = house
    told = run("serve", "--port", "0", "--data-dir", str(folder))
    assert (told.returncode, told.stdout) == (EXIT_ENVIRONMENT, "")
    assert told.stderr.strip().endswith("give this one its own with --data-dir (data_dir_in_use)")
    assert "Traceback" not in told.stderr
    until(lambda: answers(address))


def test_a_part_that_dies_is_started_again(house):
    process, address, _ = house
    for name in ("engine", "api", "deliver"):
        dead = _part(process, name)
        dead.kill()
        until(lambda dead=dead, name=name: _lives_again(process, name, dead.pid))
    until(lambda: answers(address))


def _lives_again(process, name: str, dead: int) -> bool:
    try:
        return _part(process, name).pid != dead
    except (StopIteration, psutil.Error):
        return False


def test_a_database_that_dies_is_started_again(house):
    process, address, folder = house
    pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    until(lambda: answers(address))
    assert process.poll() is None


def test_no_part_is_larger_than_promised(house):
    process, address, _ = house
    until(lambda: answers(address))
    for name, megabytes in (("api", 120), ("engine", 160), ("deliver", 120)):
        assert _part(process, name).memory_info().rss < megabytes * 1024 * 1024


def test_asked_to_stop_it_leaves_nothing_behind(tmp_path):
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    with serving(tmp_path) as (process, _):
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 4
        process.terminate()
        assert process.wait(300) == 0
        until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family))
        assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_killed_outright_it_leaves_nothing_behind_and_can_start_again(tmp_path):
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    with serving(tmp_path) as (process, _):
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(300)
        until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family))
    with serving(tmp_path) as (process, address):
        until(lambda: answers(address))
        process.terminate()
        assert process.wait(300) == 0


def test_a_database_address_that_is_none_is_said_without_repeating_it():
    told = run("migrate", DATABASE_URL="mysql://shop:s3cret@db/shop")
    assert told.returncode == EXIT_INPUT
    assert told.stderr.startswith("oportuno: DATABASE_URL: the database's address cannot be read")
    assert "Traceback" not in told.stderr
    assert "s3cret" not in told.stderr


def test_a_port_that_is_taken_is_said_in_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = run("serve", "--port", str(port))
    assert told.returncode == EXIT_ENVIRONMENT
    assert told.stderr == f"oportuno: port {port} on 127.0.0.1 is taken by another program (port_taken)\n"


def test_a_data_directory_of_another_version_is_said_in_one_sentence(tmp_path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("12\n")
    told = run("serve", "--port", "0", "--data-dir", str(tmp_path))
    assert told.returncode == EXIT_ENVIRONMENT
    assert told.stderr.count("\n") == 1
    assert "was written by PostgreSQL 12" in told.stderr


def test_a_data_directory_that_cannot_be_one_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    told = run("serve", "--port", "0", "--data-dir", str(tmp_path / "file"))
    assert told.returncode == EXIT_ENVIRONMENT
    assert told.stderr.count("\n") == 1
    assert "(data_dir_unusable)" in told.stderr


@pytest.mark.parametrize("verb", ["api", "migrate"])
def test_a_part_alone_without_its_database_says_so(verb):
    told = run(verb, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", OPORTUNO_PORT="0")
    assert told.returncode == EXIT_ENVIRONMENT
    assert told.stderr == "oportuno: the database does not answer (database_gone)\n"


@pytest.mark.parametrize("verb", ["engine", "deliver"])
def test_an_engine_or_deliverer_waits_for_its_database_and_leaves_when_asked(verb):
    command = [sys.executable, "-m", "oportuno", verb]
    environment = _environment(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert "lost_database" in process.stderr.readline()
        process.terminate()
        assert process.wait(300) == 0


def test_a_setting_that_cannot_be_used_is_named():
    told = run("serve", OPORTUNO_DEDUPE_DAYS="7")
    assert told.returncode == EXIT_INPUT
    assert "OPORTUNO_DEDUPE_DAYS" in told.stderr
    assert told.stderr.count("\n") == 1


def test_an_unknown_zone_is_refused_before_anything_is_made(house):
    _, _, folder = house
    told = run("workspace", "create", "Mordor", "--timezone", "Europe/Mordor", OPORTUNO_DATA_DIR=str(folder))
    assert told.returncode == EXIT_INPUT
    assert "Europe/Mordor" in told.stderr


def test_what_seals_secrets_lies_in_the_data_directory_that_was_named_and_a_check_up_without_it_says_so_to_programs(house):
    _process, address, folder = house
    made = run("workspace", "create", "Tienda Sellada", "--timezone", "Europe/Madrid", "--json", "--data-dir", str(folder))
    key = json.loads(made.stdout)["secret_key"]
    way = {"kind": "smtp", "name": "Ours", "settings": {"host": "127.0.0.1", "port": 9, "security": "none", "password": "hunter2-hunter2"}}
    asked = urllib.request.Request(
        f"{address}/api/v1/providers",
        data=json.dumps(way).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        laid = json.load(answer)
    assert laid["secrets"] == ["password"]
    assert (folder / "sealing.key").is_file()
    another = base64.b64encode(b"k" * 32).decode()
    looked = run("doctor", "--json", "--data-dir", str(folder), OPORTUNO_SEALING_KEY=another)
    assert {"about": "provider", "state": "failure"} in [
        {name: each[name] for name in ("about", "state")} for each in json.loads(looked.stdout)
    ], looked.stdout
    gone = urllib.request.Request(
        f"{address}/api/v1/providers/{laid['provider']}", method="DELETE", headers={"authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(gone, timeout=60) as answer:
        assert answer.status == 204
