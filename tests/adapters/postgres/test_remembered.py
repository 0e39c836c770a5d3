"""Whose sightings were looked up lately."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.adapters.postgres.remembered import Remembered
from oportuno.flows.ports import Sighting

ids = st.text("ab:1", max_size=3)
sightings = st.builds(Sighting, st.integers(1, 3), ids, ids)
steps = st.lists(st.tuples(st.sampled_from(["put", "put", "drop", "forget"]), sightings, st.integers(1, 2**63 - 1)), max_size=60)


@settings(deadline=None)
@given(steps, st.sampled_from([1, 2, 8, 64]))
def test_however_little_room_there_is_nobody_is_taken_for_another_one(story, places):
    remembered, truth = Remembered(places), {}
    for act, sighting, customer in story:
        if act == "put":
            remembered.put(sighting, customer)
            truth[sighting] = customer
        elif act == "drop":
            remembered.drop(sighting)
            truth.pop(sighting, None)
        else:
            remembered.forget()
            truth.clear()
        for each, found in zip(truth, remembered.look_up(truth), strict=True):
            assert found in (0, truth[each])
        assert remembered.look_up([sighting])[0] == truth.get(sighting, 0)
        strangers = [each for _, each, _ in story if each not in truth]
        assert not any(remembered.look_up(strangers))


def test_nearly_everybody_of_a_busy_shop_stays_known():
    remembered = Remembered()
    crowd = [Sighting(1, f"u{number}", "") for number in range(100_000)]
    for number, sighting in enumerate(crowd):
        remembered.put(sighting, number + 1)
    assert sum(map(bool, remembered.look_up(crowd))) > 90_000
