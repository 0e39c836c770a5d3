"""The page of the backtest: what the plays would have said over the last weeks of the data. Worked out once, behind everything else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from oportuno.entry.backtest.picture import draw
from oportuno.entry.backtest.summary import Summary
from oportuno.entry.backtest.words import assumptions, number, opening, reasons, said, silence_of
from oportuno.entry.demo.stage import SECURITY, Stage, page, visitor_of

FILE: Final = "backtest.json"
_ALONE: Final = {**SECURITY, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""A picture by itself: its own style, and nothing fetched."""


def backtest_routes(stage: Stage) -> APIRouter:
    """Give the routes of the page and its picture, without the prefix."""
    router = APIRouter()

    @router.get("/{language}/backtest")
    async def backtest(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        return page(stage, visitor, "backtest", "backtest", _facts(_known(stage), language))

    @router.get("/{language}/backtest.svg")
    async def picture(language: str) -> Response:
        summary = _known(stage)
        if summary is None:
            raise HTTPException(status_code=404)
        return Response(draw(summary, language), media_type="image/svg+xml", headers=_ALONE)

    return router


def _known(stage: Stage) -> Summary | None:
    if stage.folder is None:
        return None
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((stage.folder / FILE).read_bytes(), type=Summary)
    return None


def _facts(summary: Summary | None, language: str) -> dict[str, Any]:
    title = said(language, "title")
    if summary is None:
        return {"title": title, "opening": [], "plays": [], "assumptions": [], "columns": [], "pending": said(language, "pending")}
    return {
        "title": title,
        "pending": "",
        "opening": opening(summary, language),
        "assumptions": assumptions(summary, language),
        "columns": [said(language, key) for key in ("play", "messages", "reached", "kept")],
        "plays": [
            {
                "name": play.names[language],
                "figures": [number(figure, language) for figure in (play.spoken, play.people, sum(play.held.values()))],
                "reasons": [{"why": why, "times": number(times, language)} for why, times in reasons(play.held, language)],
                "silent": silence_of(play, language),
            }
            for play in summary.plays
        ],
    }


class Looking:
    """The process that works the backtest out. Its file stands or it does not: half of one is never read."""

    def __init__(self, folder: Path, asked: list[str]) -> None:
        """`asked`: the options that choose the data, as `oportuno backtest` takes them."""
        self._file = folder / FILE
        self._asked = asked
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Begin, unless it was done before; returns at once."""
        if self._file.exists() or self._process is not None:
            return
        command = [sys.executable, "-P", "-m", "oportuno", "backtest", "--json", *self._asked]
        half = self._file.with_suffix(".half")
        with half.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)  # noqa: S603 - this very program

    @property
    def running(self) -> bool:
        """Whether it is being worked out."""
        return self._process is not None

    def wait(self, seconds: float) -> bool:
        """Wait so long for its end; says whether it is done."""
        if self._process is None:
            return self._file.exists()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process.wait(seconds) == 0:
                self._file.with_suffix(".half").replace(self._file)
            self._process = None
        return self._file.exists()

    def stop(self) -> None:
        """End it where it is; the next start begins anew."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
