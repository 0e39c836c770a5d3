"""What the pages say of the client: the examples run as they stand, and every option and fault is named."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from open_shop import OpenShop, open_shop

import oportuno.client
from oportuno.client import Client, ClientFault, WhenFull

DOCS = Path(__file__).parents[2] / "docs"
SOURCE = Path(oportuno.client.__file__).parent
PAGES = [DOCS / "how-to" / "send-from-your-servers.md", DOCS / "es" / "how-to" / "send-from-your-servers.md"]
HOST = "https://avisos.tiendanorte.example"


@pytest.fixture(scope="module")
def shop(postgres_url: str) -> Iterator[OpenShop]:
    with open_shop(postgres_url) as opened:
        yield opened


def _reference() -> str:
    return (DOCS / "reference" / "python-client.md").read_text(encoding="utf-8")


@pytest.mark.postgres
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parts[-3])
def test_the_examples_run_as_they_stand(shop: OpenShop, page: Path) -> None:
    workspace = shop.workspace()
    examples = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        text = example.replace(HOST, shop.address).replace("wk_…", workspace.write_key).replace("sk_…", workspace.secret_key)
        found: dict[str, object] = {}
        exec(compile(text, str(page), "exec"), found)  # noqa: S102 - our own page
        assert found.get("lost", []) == []
    assert [each.name or each.call for each in shop.stored(workspace)] == ["identify", "Order Completed", "Botas"]
    assert shop.rejects(workspace) == []


def test_every_option_is_documented_with_its_default() -> None:
    for name, option in inspect.signature(Client).parameters.items():
        if option.kind is inspect.Parameter.KEYWORD_ONLY:
            (row,) = [line for line in _reference().splitlines() if line.startswith(f"| `{name}` |")]
            default = option.default
            shown = default.value if isinstance(default, WhenFull) else f"{default:g}" if isinstance(default, float) else str(default)
            assert default is None or f"`{shown}`" in row, name
    assert all(f"`{policy.value}`" in _reference() for policy in WhenFull)


def test_every_fault_and_code_is_documented() -> None:
    page = _reference()
    kinds = [kind for kind in vars(oportuno.client).values() if isinstance(kind, type) and issubclass(kind, ClientFault)]
    assert len(kinds) == 10
    names = "|".join(kind.__name__ for kind in kinds)
    written = "".join(path.read_text(encoding="utf-8") for path in SOURCE.glob("*.py"))
    codes = set(re.findall(rf'\b(?:{names})\(\s*"([a-z]+(?:_[a-z]+)+)"', written))
    assert len(codes) > 15
    assert [each for each in sorted({*codes, *names.split("|")}) if f"`{each}`" not in page] == []


def test_every_call_is_documented() -> None:
    calls = [name for name, call in vars(Client).items() if callable(call) and not name.startswith("_")]
    assert len(calls) == 14
    assert [name for name in calls if f"`{name}(" not in _reference()] == []
