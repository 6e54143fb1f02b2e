"""A card with the name of a movement that has no picture."""

import html
import textwrap
import unicodedata

from finjax.pictures.drawing import LINE, SKIN

LETTERS, LINES = 14, 5  # of a line, of the card
LARGEST = 26.0  # letter, in units of a card 192 wide
WIDTH = 0.62  # of a letter, as a share of its height; a little more than usual


def card(name: str) -> str:
    """Returns the shapes of a card with a name, which may hold any text."""
    lines = textwrap.wrap(name, LETTERS, max_lines=LINES, placeholder="…") or ["?"]
    size = min(LARGEST, 160 / (WIDTH * max(_columns(line) for line in lines)))
    height = 1.25 * size
    first = 96 - height * (len(lines) - 1) / 2 + 0.35 * size  # of the first line's foot
    texts = (
        f'<text x="96" y="{first + row * height:.1f}">{html.escape(line)}</text>' for row, line in enumerate(lines)
    )
    return (
        f'<rect x="6" y="6" width="180" height="180" rx="18" fill="{SKIN}" stroke="{LINE}" stroke-width="2"/>'
        f'<g fill="{LINE}" font-family="sans-serif" font-size="{size:.1f}" text-anchor="middle">{"".join(texts)}</g>'
    )


def _columns(line: str) -> int:
    """Returns the width of a line in letters; those of some scripts, such as Chinese, take two columns."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)
