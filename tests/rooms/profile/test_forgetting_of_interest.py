"""What is forgotten of interest is what ranks lowest, said here in the plainest way; the engine's is quicker and must say the same."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.profile.interest import Interest
from oportuno.profile.liked import BRANDS_AT_MOST, PRODUCTS_AT_MOST, WORTH_KEEPING, Fresh, Leaning, Liked

_POINTS = st.sampled_from([0, 1, WORTH_KEEPING - 1, WORTH_KEEPING, WORTH_KEEPING + 1, 2_000, 2_001, 5_000])
_FRESH = st.sampled_from([None, Fresh(points=500)])
_FEW = st.integers(0, 1)
_PRODUCTS = st.lists(st.tuples(_POINTS, _FRESH, _FRESH), max_size=2 * PRODUCTS_AT_MOST)
_BRANDS = st.lists(st.tuples(_POINTS, _FEW, _FEW), max_size=2 * BRANDS_AT_MOST)


def _best(settled: list[tuple[int, str]], most: int) -> list[tuple[int, str]]:
    return sorted(entry for entry in settled if entry[0] >= WORTH_KEEPING)[-most:]


@settings(max_examples=60)
@given(_PRODUCTS, _BRANDS)
def test_of_too_many_products_and_brands_the_strongest_stay_and_what_is_fresh_is_never_forgotten(
    looked: list[tuple[int, Fresh | None, Fresh | None]], leant: list[tuple[int, int, int]]
) -> None:
    products = [
        Liked(product=f"p{number:02}", points=points, days=[(3, 1, 9)], ago=4, name="N", before=before, newest=newest)
        for number, (points, before, newest) in enumerate(looked)
    ]
    brands = [Leaning(name=f"b{number:02}", points=points, before=old, newest=new) for number, (points, old, new) in enumerate(leant)]
    interest = Interest(products=deepcopy(products), brands=deepcopy(brands))
    interest.cut()

    liked = _best([(each.points, each.product) for each in products], PRODUCTS_AT_MOST)
    for each in products:
        if (each.points, each.product) not in liked and each.points:
            each.points, each.days, each.ago, each.name = 0, [], 0, ""
    strong = _best([(each.points, each.name) for each in brands], BRANDS_AT_MOST)
    for brand in brands:
        if (brand.points, brand.name) not in strong:
            brand.points = 0
    assert interest.products == [each for each in products if each.points or each.before or each.newest]
    assert interest.brands == [each for each in brands if each.points or each.before or each.newest]
