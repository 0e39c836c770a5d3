"""What is viewed and bought together with a product."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from oportuno.catalog.together import Companion
from oportuno.entry.http.api.door import Caller, FrontHere

router = APIRouter(prefix="/api/v1/products", tags=["catalogue"])


class CompanionShape(BaseModel):
    """A product found beside another."""

    product: str
    count: int = Field(description="Customers who viewed both, or orders that held both; at least five.")
    lift: float = Field(description="How many times as often as chance would have it.")


class TogetherShape(BaseModel):
    """The companions of a product, the most frequent first, at most twenty each."""

    product: str
    viewed: list[CompanionShape]
    bought: list[CompanionShape]


@router.get("/{product}/together")
async def together(front: FrontHere, who: Caller, product: Annotated[str, Path(min_length=1, max_length=200)]) -> TogetherShape:
    """Give what is viewed and what is bought together with a product, as measured last night; empty lists when nothing is known."""
    viewed = await front.standings.companions(who.workspace, product, "viewed")
    bought = await front.standings.companions(who.workspace, product, "bought")
    return TogetherShape(product=product, viewed=[_shape(each) for each in viewed], bought=[_shape(each) for each in bought])


def _shape(companion: Companion) -> CompanionShape:
    return CompanionShape(product=companion.product, count=companion.count, lift=companion.lift)
