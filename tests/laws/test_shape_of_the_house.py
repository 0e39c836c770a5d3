"""How the code is kept readable and the promises are kept by its shape. Each law says what it protects."""

from __future__ import annotations

import ast
import re

import pytest
from the_code import ROOMS, ROOT, SOURCE, modules, name_of

from oportuno.entry.logs import ALLOWED, only_allowed

LONGEST_FILE = 400
LONGEST_FUNCTION = 60


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_file_can_be_read_in_one_sitting_and_a_function_on_one_screen(module):
    lines = (SOURCE / module).read_text(encoding="utf-8").splitlines()
    # A table of data is not read from top to bottom.
    if not any(line.startswith("# A table.") for line in lines[:12]) and module != "profile/zones.py":
        assert len(lines) <= LONGEST_FILE, f"{module} has {len(lines)} lines: cut it by meaning"
    for node in ast.walk(modules()[module]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{module}: {node.name} has {node.end_lineno - node.lineno + 1} lines"


def test_only_the_gate_can_make_permits():
    """A message is made from a Permit, and a Permit needs the seal: whoever names the seal could speak without having asked."""
    knowing = {module for module, tree in modules().items() if any(_names_the_seal(node) for node in ast.walk(tree))}
    assert knowing == {"consent/permit.py", "consent/gate.py"}


def _names_the_seal(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "_SEAL"
    if isinstance(node, ast.Attribute):
        return node.attr == "_SEAL"
    return (isinstance(node, ast.alias) and node.name == "_SEAL") or (isinstance(node, ast.Constant) and node.value == "_SEAL")


def test_rooms_read_no_clock_no_chance_no_file_and_no_environment():
    """The linters say it too; this one also sees late imports and `open`."""
    forbidden = {
        "os",
        "io",
        "pathlib",
        "time",
        "random",
        "secrets",
        "uuid",
        "asyncio",
        "socket",
        "logging",
        "structlog",
        "subprocess",
        "threading",
    }
    for module, tree in modules().items():
        if not module.startswith(ROOMS):
            continue
        for node in ast.walk(tree):
            imported = {alias.name.split(".")[0] for alias in node.names} if isinstance(node, ast.Import) else set()
            imported |= {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()
            assert not imported & forbidden, f"{module} imports {imported & forbidden}"
            assert not (isinstance(node, ast.Call) and _reaches_out(node.func)), f"{module}:{node.lineno}"


def _reaches_out(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "open"
    return isinstance(function, ast.Attribute) and function.attr in {"now", "utcnow", "today", "urandom", "read_text", "read_bytes"}


def test_only_settings_read_the_environment():
    """A setting that is read elsewhere is neither documented nor checked. Those who start processes hand the environment on, unread."""
    handing_on = {"entry/serve.py", "entry/bench/parts.py"}
    for module, tree in modules().items():
        if module in handing_on | {"settings.py"}:
            continue
        for node in ast.walk(tree):
            assert name_of(node) not in {"environ", "getenv"} if isinstance(node, (ast.Name, ast.Attribute)) else True, module


def test_flows_await_only_ports():
    """Every await in a flow is a place where others may run, fail or die; the simulator must see all of them."""
    for module, tree in modules().items():
        if module.startswith("flows/"):
            for node in ast.walk(tree):
                names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
                assert not names & {"asyncio", "anyio", "trio"}, module


def test_nobody_left_work_for_later():
    for module in modules():
        text = (SOURCE / module).read_text(encoding="utf-8")
        assert not re.search(r"\b(TODO|FIXME|NotImplementedError)\b", text), module


def test_no_file_is_called_utils_or_models():
    assert not {path.name for path in SOURCE.rglob("*.py")} & {"utils.py", "models.py", "helpers.py", "common.py", "misc.py"}


def test_every_exception_from_a_rule_has_its_reason():
    for module in modules():
        for line in (SOURCE / module).read_text(encoding="utf-8").splitlines():
            if "# noqa" in line:
                assert re.search(r"# noqa: [A-Z0-9, ]+ - \S", line), f"{module}: {line.strip()}"


def test_a_log_line_has_no_field_that_could_be_personal():
    """What is logged is copied, kept and shown to many: only listed fields, and none of them names a customer."""
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"debug", "info", "warning", "error"}
            ):
                owner = name_of(node.func.value)
                if owner in {"log", "_log"}:
                    fields = {keyword.arg for keyword in node.keywords if keyword.arg}  # what comes by ** is looked at when it runs
                    assert fields <= ALLOWED, f"{module}:{node.lineno} logs {fields - ALLOWED}"
    assert not ALLOWED & {
        "email",
        "address",
        "name",
        "customer",
        "user",
        "user_id",
        "anonymous_id",
        "phone",
        "body",
        "traits",
        "key",
        "secret",
        "url",
    }


def test_a_field_that_is_not_listed_is_dropped_and_said():
    assert only_allowed(None, "info", {"event": "x", "email": "ana@example.com"}) == {"event": "x", "dropped": ["email"]}


def test_the_repository_names_no_registry():
    for name in ("Makefile", "pyproject.toml", "requirements.lock", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!127\.0\.0\.1)", text), name
        assert "index-url" not in text, name
