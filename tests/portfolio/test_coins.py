"""What coins call themselves, as text that a terminal may show."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from pyutils.portfolio.coin import read_symbol


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40))
def test_symbol__string__is_the_text(text: str) -> None:
    assert read_symbol(encode(["string"], [text])) == text


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32))
def test_symbol__word_of_an_old_coin__is_the_text(text: str) -> None:
    assert read_symbol(text.encode().ljust(32, b"\0")) == text


@pytest.mark.parametrize(
    "returned",
    [
        b"",
        b"\xff" * 32,
        bytes(32),
        encode(["string"], [""]),
        encode(["string"], ["\x1b[2J"]),
        encode(["bytes"], [b"\xff\xfe"]),
        b"\xff" * 64,
        encode(["string"], ["cut off"])[:70],
    ],
)
def test_symbol__anything_else__is_a_question_mark(returned: bytes) -> None:
    assert read_symbol(returned) == "?"


@given(st.binary(max_size=200))
def test_symbol__any_bytes__is_something_printable(returned: bytes) -> None:
    assert read_symbol(returned).isprintable()
