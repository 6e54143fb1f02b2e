"""Number lists such as `1-3,5`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finjax.data.number_lists import format_numbers, parse_numbers
from finjax.errors import DataError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1-3,5", (1, 2, 3, 5)),
        (" 7 , 2 - 3 ", (2, 3, 7)),
        ("5,1,5,4-6", (1, 4, 5, 6)),
        ("0", (0,)),
        ("", ()),
        ("  ", ()),
    ],
)
def test_parse_numbers(text, numbers):
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize(
    "text",
    ["a", "1,,2", ",", "1-", "-1", "1-2-3", "1.5", "3-1", "0-100000", "1-60000,70001-120000", "9" * 30, "١"],
)
def test_parse_numbers_refuses(text):
    with pytest.raises(DataError, match=r"neither a number nor a range|is descending|too long"):
        parse_numbers(text)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([1, 2, 3, 5], "1-3,5"), ([5, 3, 3, 1], "1,3,5"), ([], ""), ([9], "9"), (np.array([2, 3]), "2-3")],
)
def test_format_numbers(numbers, text):
    assert format_numbers(numbers) == text


@given(numbers=st.sets(st.integers(0, 40) | st.integers(0, 10**9 - 1)))
def test_numbers_come_back_from_their_text(numbers):
    assert parse_numbers(format_numbers(numbers)) == tuple(sorted(numbers))


@given(text=st.text(alphabet="0123456789-, x") | st.text(max_size=8))
def test_any_text_is_a_list_of_numbers_or_refused(text):
    try:
        numbers = parse_numbers(text)
    except DataError:
        return
    assert numbers == tuple(sorted(set(numbers))) and all(0 <= number < 10**9 for number in numbers)
    assert parse_numbers(format_numbers(numbers)) == numbers
