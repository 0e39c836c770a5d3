"""The contract of what processes count and tell: sums only grow, whoever is gone, and the living are known."""

from __future__ import annotations

from contract_world import Shop

from oportuno.flows.tallies import Counted, Sums

HANDED = Counted("contract_hand_offs", (("channel", "email"), ("ended", "accepted")))
PLAIN = Counted("contract_events")


async def amounts(shop: Shop) -> dict[tuple[str, Counted], float]:
    return {(each.part, each.counted): each.amount for each in await shop.outside.tallies.sums()}


def test_what_processes_of_a_part_count_is_summed_up_and_stays_when_they_are_gone(tell):
    async def story(shop: Shop):
        tallies = shop.outside.tallies
        before = await amounts(shop)
        one = await tallies.tell("deliver", 0, {HANDED: 2, PLAIN: 0.5}, {})
        two = await tallies.tell("deliver", 0, {HANDED: 3}, {})
        await tallies.tell("engine", 0, {HANDED: 10}, {})
        assert one != two
        assert await tallies.tell("deliver", one, {HANDED: 1}, {}) == one
        await tallies.leave(one)
        after = await amounts(shop)
        grown = {key: amount - before.get(key, 0) for key, amount in after.items() if key[1] in (HANDED, PLAIN)}
        assert grown == {("deliver", HANDED): 6, ("deliver", PLAIN): 0.5, ("engine", HANDED): 10}

    tell(story)


def test_who_lives_says_how_it_is_and_who_left_says_nothing_more(tell):
    async def story(shop: Shop):
        tallies, part = shop.outside.tallies, f"part {shop.workspace}"
        process = await tallies.tell(part, 0, {}, {"gone": []})
        await tallies.tell(part, process, {}, {"gone": ["smtp mail.example"], "in_hand": {"email": 3}})
        says = [each.says for each in await tallies.living() if each.part == part]
        assert says == [{"gone": ["smtp mail.example"], "in_hand": {"email": 3}}]
        await tallies.leave(process)
        assert [each for each in await tallies.living() if each.part == part] == []

    tell(story)


def test_who_was_taken_for_dead_and_tells_again_gets_a_number_that_lives(tell):
    async def story(shop: Shop):
        tallies, part = shop.outside.tallies, f"part {shop.workspace}"
        process = await tallies.tell(part, 0, {}, {})
        await tallies.leave(process)
        again = await tallies.tell(part, process, {}, {"in_hand": {}})
        assert [each.says for each in await tallies.living() if each.part == part] == [{"in_hand": {}}]
        await tallies.leave(again)

    tell(story)


def test_a_measured_value_falls_into_the_first_bound_that_it_does_not_pass():
    sums = Sums()
    for value in (0.01, 0.05, 0.2, 99.0):
        sums.observe("seconds", value, (0.01, 0.1, 1), channel="email")
    taken = sums.take()
    assert {labels: amount for (name, labels), amount in taken.items() if name == "seconds_bucket"} == {
        (("channel", "email"), ("le", "0.01")): 1,
        (("channel", "email"), ("le", "0.1")): 1,
        (("channel", "email"), ("le", "1")): 1,
        (("channel", "email"), ("le", "+Inf")): 1,
    }
    assert round(taken[Counted("seconds_sum", (("channel", "email"),))], 2) == 99.26
    assert sums.take() == {}
    sums.put_back(taken)
    sums.observe("seconds", 0.01, (0.01, 0.1, 1), channel="email")
    assert sums.take()[Counted("seconds_bucket", (("channel", "email"), ("le", "0.01")))] == 2
