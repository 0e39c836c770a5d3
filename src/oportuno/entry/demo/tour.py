"""The guided tour: ten steps through the story, each pointing at what to do next on the page itself.

The step lies in a cookie of the demonstration's own, set only by a button of the tour; a page that is merely opened changes nothing.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from oportuno.entry.demo.pages import say


class Step(NamedTuple):
    """One step: where it happens, and what it points at there."""

    path: str
    aim: str
    """A selector; the first that it finds is pointed at."""


STEPS: Final = (
    Step("/be", "button[value=ana]"),
    Step("", ".card .plus"),
    Step("/live", "tr.mine, .you"),
    Step("/mail", ".mailbox:not(.has-open) .mails a, .stage"),
    Step("/mail", ".mailbox:not(.has-open) .mails a, .stage"),
    Step("", ".card .plus"),
    Step("/live", "tr.silence.mine, .you"),
    Step("/live#fall", ".control button, .fallen"),
    Step("/till", ".till .button"),
    Step("/backtest", "#main h1"),
)
"""In this order; the words of each are ``tour_N_title`` and ``tour_N_text``, from 1."""
RESTING: Final = "-"
"""Before the step of a tour that was put aside."""


def step_of(text: str) -> int:
    """Read a step from 1; 0: there is none."""
    return int(text) if text.isdecimal() and len(text) < 3 and 1 <= int(text) <= len(STEPS) else 0  # noqa: PLR2004 - two digits


def tour_facts(cookie: str, path: str, language: str, wait_seconds: int) -> dict[str, Any]:
    """Say what the tour shows on a page; `path` is the page's, after the language."""
    step = step_of(cookie)
    if not step:
        return {"step": 0, "resting": step_of(cookie.removeprefix(RESTING))}
    place = STEPS[step - 1]
    here = path.split("?", maxsplit=1)[0].rstrip("/")
    there = here == place.path.split("#")[0] or (place.path == "/mail" and here.startswith("/mail/"))
    return {
        "step": step,
        "resting": 0,
        "of": len(STEPS),
        "title": say(language, f"tour_{step}_title"),
        "text": say(language, f"tour_{step}_text", n=wait_seconds),
        "there": there,
        "aim": place.aim if there else "",
        "to": f"/demo/{language}{place.path}",
        "before": step - 1,
        "after": step + 1 if step < len(STEPS) else 0,
    }
