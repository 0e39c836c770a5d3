"""A return address says whose message comes back, and nobody else can make one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from mail_written import BOUNCES, DOMAIN, MESSAGE, REPLIES, SECRET

from oportuno.channels.returned.verp import Named, find_return_address, read_return_address, return_address


@given(workspace=st.integers(0, 2**63 - 1), message=st.binary(min_size=16, max_size=16), use=st.sampled_from(["b", "r"]))
def test_what_is_written_is_read_back_and_fits_where_addresses_stand(workspace, message, use):
    address = return_address(use, workspace, message, domain=DOMAIN, secret=SECRET)
    assert read_return_address(address, [SECRET]) == Named(use, workspace, message)
    assert len(address.partition("@")[0]) <= 64


def test_a_mail_server_that_writes_it_in_capitals_changes_nothing():
    assert read_return_address(BOUNCES.upper(), [SECRET]) == Named("b", 7, MESSAGE)
    assert read_return_address(f"<{BOUNCES}>", [SECRET]) == Named("b", 7, MESSAGE)


def test_a_key_that_was_replaced_still_reads_what_it_wrote():
    assert read_return_address(BOUNCES, [b"the new key of Tienda Norte, 32b", SECRET]) is not None


@given(place=st.integers(2, 61), letter=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_letter_that_differs_makes_it_nobodys(place, letter):
    changed = BOUNCES[:place] + letter + BOUNCES[place + 1 :]
    read = read_return_address(changed, [SECRET])
    # The last letter holds one bit of the seal only; its others say nothing.
    assert changed == BOUNCES or read is None or (place == 61 and read == Named("b", 7, MESSAGE))


def test_the_address_for_answers_is_none_for_bounces_and_the_other_way_round():
    assert read_return_address("b" + REPLIES[1:], [SECRET]) is None
    assert read_return_address("r" + BOUNCES[1:], [SECRET]) is None


@given(st.text(max_size=200))
def test_anything_else_is_nobodys_and_never_an_error(text):
    assert read_return_address(text, [SECRET]) is None
    assert find_return_address(text, [SECRET]) is None


def test_it_is_found_among_a_mails_headers_behind_many_that_are_not_ours():
    forged = return_address("b", 8, MESSAGE, domain=DOMAIN, secret=b"somebody else's secret of 32 byt")
    assert find_return_address(f"{forged} {forged}\nReturn-Path: <{BOUNCES}>", [SECRET]) == Named("b", 7, MESSAGE)
    assert find_return_address((forged + " ") * 60 + BOUNCES, [SECRET]) is None
