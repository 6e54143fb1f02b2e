"""Lists of subject and repetition numbers as text: `1-3,5` is 1, 2, 3 and 5."""

import re
from collections.abc import Iterable

from finjax.errors import DataError

MOST_NUMBERS = 100_000  # a typo such as 1-10000000 must not fill the memory


def parse_numbers(text: str) -> tuple[int, ...]:
    """Returns the numbers of a list such as `1-3,5`, ascending, each once.

    Args:
        text: numbers and ranges (both ends included), separated by commas; may be empty.

    Raises:
        DataError: an item is not a number or a range, a range is descending, or there are too many numbers.

    Example:
        >>> parse_numbers("1-3,5")
        (1, 2, 3, 5)
    """
    numbers: set[int] = set()
    for item in text.split(",") if text.strip() else ():
        match = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", item, re.ASCII)
        if not match:
            raise DataError(f"{item.strip()!r} in {text!r} is neither a number nor a range such as 1-3")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise DataError(f"the range {item.strip()!r} in {text!r} is descending: write {last}-{first}")
        if len(numbers) + last - first >= MOST_NUMBERS:
            raise DataError(f"{text!r} is too long at {item.strip()!r}: give at most {MOST_NUMBERS} numbers")
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


def format_numbers(numbers: Iterable[int]) -> str:
    """Returns the shortest text that `parse_numbers` turns back into `numbers`: 1, 2, 3, 5 is `1-3,5`."""
    runs: list[list[int]] = []
    for number in sorted({int(number) for number in numbers}):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
