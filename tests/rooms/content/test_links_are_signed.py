"""Links carry their own authority: nobody else can make one, and each lets its holder do one thing for a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_stage import KEY, MAKER
from oportuno.content.links import LIFETIMES, Action, LinkFacts, LinkKey, LinkMaker, sign, verify, with_token
from oportuno.kit.faults import NotAllowed
from oportuno.kit.ids import key_of

NOW = 1_795_255_200_000
KEYS = {KEY.id: KEY}


def token_of(action: Action = Action.WHY) -> str:
    return MAKER.token(b"m" * 16, key_of(7, 1), action, NOW)


@given(
    action=st.sampled_from(Action),
    workspace=st.integers(0, 2**31),
    customer=st.integers(1, 2**63 - 1),
    message=st.binary(min_size=16, max_size=16),
)
def test_what_was_signed_is_read_back(action: Action, workspace: int, customer: int, message: bytes) -> None:
    facts = LinkFacts(workspace=workspace, customer=customer, message=message, action=action, expires=NOW + 1, answer=5)
    token = sign(facts, KEY)
    assert verify(token, KEYS, NOW) == facts
    assert token.isascii()
    assert len(token) < 120


@given(place=st.integers(0, 200), letter=st.sampled_from("ABCxyz019-_"))
def test_a_link_changed_in_any_letter_is_forged(place: int, letter: str) -> None:
    token = token_of()
    changed = token[: place % len(token)] + letter + token[place % len(token) + 1 :]
    if changed == token:
        return
    with pytest.raises(NotAllowed) as fault:
        verify(changed, KEYS, NOW)
    assert fault.value.code == "link_forged"


@given(st.text(max_size=300))
def test_any_text_at_all_is_either_a_link_or_forged(text: str) -> None:
    with pytest.raises(NotAllowed):
        verify(text, KEYS, NOW)


def test_a_link_of_another_key_with_the_same_name_is_forged() -> None:
    stranger = LinkKey(id=KEY.id, secret=b"another secret of thirty-two byt")
    facts = LinkFacts(workspace=7, customer=1, message=b"m" * 16, action=Action.WHY, expires=NOW + 1)
    with pytest.raises(NotAllowed):
        verify(sign(facts, stranger), KEYS, NOW)


def test_an_old_key_that_is_still_known_keeps_its_links_working() -> None:
    new = LinkKey(id="k2", secret=b"the new secret, thirty-two bytes")
    later = LinkMaker(base_url="https://pages.example", key=new, keys={KEY.id: KEY, new.id: new})
    assert verify(token_of(), later.keys, NOW).customer == 1
    assert verify(later.token(b"m" * 16, key_of(7, 1), Action.WHY, NOW), later.keys, NOW).customer == 1


@pytest.mark.parametrize("action", list(Action))
def test_a_link_ends_with_its_time_and_says_so(action: Action) -> None:
    token = token_of(action)
    assert verify(token, KEYS, NOW + LIFETIMES[action] - 1).action is action
    with pytest.raises(NotAllowed) as fault:
        verify(token, KEYS, NOW + LIFETIMES[action])
    assert fault.value.code == "link_expired"


def test_leaving_works_for_more_than_a_year() -> None:
    assert LIFETIMES[Action.UNSUBSCRIBE] > 365 * 86_400_000


def test_a_link_onward_lives_no_longer_than_the_one_it_comes_from() -> None:
    facts = verify(token_of(Action.BOUGHT), KEYS, NOW)
    onward = verify(MAKER.onward(facts, Action.WHY), KEYS, NOW)
    assert onward.expires == facts.expires
    assert onward.action is Action.WHY


@pytest.mark.parametrize(
    ("cart", "found"),
    [
        ("https://norte.example/cesta", "https://norte.example/cesta?oportuno_cart=T"),
        ("https://norte.example/cesta?tienda=1#abajo", "https://norte.example/cesta?tienda=1&oportuno_cart=T#abajo"),
    ],
)
def test_the_cart_token_stands_before_the_fragment(cart: str, found: str) -> None:
    assert with_token(cart, "T") == found
