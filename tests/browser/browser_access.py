"""Whether a page stands open to everybody: axe's rules, run in the page itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page, Route

_AXE = Path(__file__).parents[1] / "clients" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
_FIND = """async () => {
  const told = await axe.run(document, { resultTypes: ["violations"], iframes: false });
  return told.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => [one.id, ...one.nodes.map((node) => node.target.join(" "))]);
}"""


@cache
def _axe() -> str:
    assert _AXE.exists(), "axe-core is missing: make test installs it (npm ci in tests/clients/npm)"
    return _AXE.read_text(encoding="utf-8")


def keep_still(page: Page) -> None:
    """Let no page of the demonstration renew itself while it is looked at: its looks for news find none."""

    def nothing_new(route: Route) -> None:
        if route.request.resource_type == "fetch":
            route.fulfill(status=204 if "/live/" in route.request.url else 503)
        else:
            route.continue_()

    for path in ("**/live/now*", "**/mail/rows*", "**/backtest"):
        page.route(path, nothing_new)


def stands_open(page: Page) -> None:
    """Fail with what stands in somebody's way: the serious and the critical findings with their elements. Frames are not looked into."""
    page.evaluate(_axe())
    assert page.evaluate(_FIND) == [], page.url
