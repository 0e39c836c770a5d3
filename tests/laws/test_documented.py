"""Undocumented is failing: every setting, event name, refusal, error code, metric, CLI verb and API route stands in the reference."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import iter_modules

import pytest
import typer.main
from the_code import DOCS, fault_codes

from oportuno.consent.refusals import Refusal
from oportuno.entry.cli import app
from oportuno.entry.http.collect_openapi import COLLECT_OPENAPI
from oportuno.events import commerce
from oportuno.events.rejections import Rejection
from oportuno.settings import Settings

_WORD = re.compile(r"`([^`\n]+)`")


def _page(name: str) -> str:
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


def _words(name: str) -> set[str]:
    return set(_WORD.findall(_page(name)))


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented_with_its_default(name):
    field = Settings.model_fields[name]
    rows = [line for line in _page("settings.md").splitlines() if line.startswith(f"| `OPORTUNO_{name.upper()}`")]
    assert len(rows) == 1, f"docs/reference/settings.md needs one row for OPORTUNO_{name.upper()}"
    assert field.description in rows[0]
    default = field.default
    shown = "" if default is None else str(getattr(default, "get_secret_value", lambda: default)())
    assert not shown or f"`{shown}`" in rows[0]


def test_no_setting_is_documented_that_does_not_exist():
    documented = {word for word in _words("settings.md") if word.startswith("OPORTUNO_")}
    assert documented == {f"OPORTUNO_{name.upper()}" for name in Settings.model_fields}


def test_every_refusal_is_documented():
    assert {each.value for each in Refusal} <= _words("refusals.md")


def test_every_error_code_is_documented_and_none_that_does_not_exist():
    documented = {word for word in _words("errors.md") if "_" in word}
    codes = fault_codes().keys() | {each.value for each in Rejection}
    assert sorted(codes - documented) == [], "docs/reference/errors.md needs these"
    assert sorted(documented - codes) == [], "docs/reference/errors.md names codes that nothing raises"


def test_every_event_name_that_is_understood_is_documented():
    names = {value for kind in vars(commerce).values() if isinstance(kind, type) for value in _values(kind)}
    assert names
    assert names <= _words("events.md")


def _values(kind: type) -> set[str]:
    from enum import StrEnum

    return (
        {each.value for each in kind}
        if issubclass(kind, StrEnum) and kind is not StrEnum and kind.__module__ == commerce.__name__
        else set()
    )


def test_every_verb_and_option_of_the_command_line_is_documented():
    page = _page("cli.md")
    for path, command in _commands():
        assert f"\n## `oportuno {path}" in page, f"docs/reference/cli.md needs a section on oportuno {path}"
        section = page.split(f"\n## `oportuno {path}", 1)[1].split("\n## ", 1)[0]
        for parameter in command.params:
            if parameter.name != "help" and not getattr(parameter, "hidden", False):
                shown = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
                assert f"`{shown}" in section, f"oportuno {path}: {shown} is not documented"


def _commands():
    for name, command in typer.main.get_command(app).commands.items():
        inside = getattr(command, "commands", None)
        if inside is None:
            yield name, command
        else:
            yield from ((f"{name} {verb}", each) for verb, each in inside.items())


def test_every_route_is_documented():
    from oportuno.entry.http import api, hooks, mail_hooks

    parts = [import_module(f"{api.__name__}.{each.name}") for each in iter_modules(api.__path__)]
    routers = [part.router for part in [*parts, hooks, mail_hooks] if hasattr(part, "router")]
    assert len(routers) > 12
    page = _page("api.md")
    for router in routers:
        for route in router.routes:
            for method in route.methods:
                assert f"`{method} {route.path}`" in page, f"docs/reference/api.md needs {method} {route.path}"
    for path, methods in COLLECT_OPENAPI["paths"].items():
        for method in methods.keys() - {"options"}:
            assert f"`{method.upper()} {path}`" in page, f"docs/reference/api.md needs {method.upper()} {path}"
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert f"`GET {path}`" in page


def test_every_metric_is_documented():
    from the_code import SOURCE

    source = "".join((SOURCE / "entry" / name).read_text(encoding="utf-8") for name in ("http/metrics.py", "counted.py"))
    for name in re.findall(r'"(oportuno_[a-z_]+)"', source):
        assert f"`{name}" in _page("metrics.md"), f"docs/reference/metrics.md needs {name}"


def test_every_link_between_the_pages_leads_somewhere():
    for page in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.relative_to(DOCS.parent)} links to {target}, which is not there"
