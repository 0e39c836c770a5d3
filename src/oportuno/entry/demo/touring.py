"""The buttons of the guided tour: on, back, put aside, taken up again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from oportuno.entry.demo.stage import TOUR_COOKIE, form_of, go, keep
from oportuno.entry.demo.tour import RESTING, STEPS, step_of


def tour_routes() -> APIRouter:
    """Give the routes of the tour, without the prefix."""
    router = APIRouter()

    @router.post("/{language}/tour")
    async def walk(request: Request, language: str) -> Response:
        form = await form_of(request)
        wished, step = form.get("do", ""), step_of(form.get("step", ""))
        if wished == "rest" and step:
            answer = go(language, form.get("back", ""))
            keep(answer, TOUR_COOKIE, f"{RESTING}{step}")
            return answer
        if wished == "end":
            answer = go(language, "/tour")
            keep(answer, TOUR_COOKIE, "")
            return answer
        answer = go(language, STEPS[(step or 1) - 1].path)
        keep(answer, TOUR_COOKIE, str(step or 1))
        return answer

    return router
