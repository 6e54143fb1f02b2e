"""Rules for the values of configuration fields: one class for each kind of value.

`fault(value)` returns what is wrong with a value, to follow `--config.field=value:` in a message; None if it fits.
"""

import dataclasses
import math
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from finjax.data.durations import parse_duration
from finjax.data.number_lists import parse_numbers
from finjax.errors import ConfigError, DataError
from finjax.system.paths import refuse_url

LARGEST = 2**31 - 1  # counts are int32 on the devices


class Rule(Protocol):
    """A rule for the values of a field."""

    def fault(self, value: Any) -> str | None:
        """Returns what is wrong with a value, or None."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Whole:
    """A whole number from `least` to `most`; with `unset`, also None."""

    least: int = 0
    most: int = LARGEST
    unset: bool = False

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        if value is None and self.unset:
            return None
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            return "must be a whole number"
        if value < self.least:
            return f"must be at least {self.least}"
        return f"must be at most {self.most}" if value > self.most else None


WIDTH = Whole(least=1, most=10_000)  # of a layer; a larger number is a typing mistake


@dataclasses.dataclass(frozen=True, kw_only=True)
class Real:
    """A finite number.

    Attributes:
        least: the smallest allowed number.
        above: the number must be larger than this.
        most: the largest allowed number.
        below: the number must be smaller than this.
        unset: whether None is allowed.
        meaning: what the number is, for the message.
    """

    least: float = 0.0
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf
    unset: bool = False
    meaning: str = ""

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        if value is None and self.unset:
            return None
        if isinstance(value, bool) or not isinstance(value, float | int | np.integer | np.floating):
            return "must be a number"
        if not math.isfinite(value):
            return "must be a finite number"
        if self.least <= value <= self.most and self.above < value < self.below:
            return None
        return f"must be {self._range()}" + f" ({self.meaning})" * bool(self.meaning)

    def _range(self) -> str:
        lower = f"above {self.above:g}" if self.above >= self.least else f"at least {self.least:g}"
        if math.isinf(self.most) and math.isinf(self.below):
            return lower
        upper = f"below {self.below:g}" if self.below <= self.most else f"at most {self.most:g}"
        return (
            f"{self.least:g} to {self.most:g}"
            if (lower[:2], upper[:7]) == ("at", "at most")
            else f"{lower} and {upper}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class YesNo:
    """True or False."""

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        return None if isinstance(value, bool) else "must be True or False"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Text:
    """Any text; other checks look up the name that it holds."""

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        return None if isinstance(value, str) else "must be text"


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several names; the empty text can be one of them."""

    names: Sequence[str]

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        if value in self.names:
            return None
        return f"choose from {', '.join(filter(None, self.names))}{', or leave it empty' * ('' in self.names)}"


@dataclasses.dataclass(frozen=True)
class Choices:
    """Any number of the given names, comma-separated."""

    names: Sequence[str]

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        if not isinstance(value, str):
            return "must be text"
        unknown = [name.strip() for name in value.split(",") if name.strip() and name.strip() not in self.names]
        return f"unknown {', '.join(unknown)}; choose from {', '.join(self.names)}" if unknown else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Duration:
    """Milliseconds or a whole number of samples, as `"300ms"` or `"600"`."""

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        parsed = parse_duration(value)
        if not parsed or not 0 < parsed[0] <= LARGEST:
            return "give milliseconds as '300ms' or a whole number of samples as '600', above 0"
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class NumberList:
    """Numbers and ranges, as `"1-3,5"`, or one of `words`."""

    words: Sequence[str] = ()

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        if value in self.words:
            return None
        try:
            parse_numbers(str(value))
        except DataError as error:
            words = f", or {', '.join(self.words)}" if self.words else ""
            return f"{error}. Give a list as 1,3-5{words}"
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Several:
    """A tuple.

    Attributes:
        of: rule of each item.
        wanted: the whole rule in words, with an example, for the message.
        length: number of items; None: one or more.
        distinct: whether all items must differ.
        unset: whether None is allowed.
    """

    of: Rule
    wanted: str
    length: int | None = None
    distinct: bool = False
    unset: bool = False

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        if value is None and self.unset:
            return None
        fits = (
            isinstance(value, tuple | list)
            and len(value)
            and (self.length is None or len(value) == self.length)
            and not any(self.of.fault(item) for item in value)
            and not (self.distinct and len(set(value)) < len(value))
        )
        return None if fits else f"must be {self.wanted}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folder:
    """A path on this machine, or a pattern of a path with names in braces.

    Attributes:
        filled_in: an example value for each name in braces; if empty, braces are part of the path.
        unset: whether None is allowed.
    """

    filled_in: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    unset: bool = False

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        if value is None and self.unset:
            return None
        if not isinstance(value, str):
            return "must be text"
        if not self.filled_in:
            return None
        try:
            for _, name, _, _ in string.Formatter().parse(value):
                if name is not None and name not in self.filled_in:
                    raise ValueError(name)
            value.format(**self.filled_in)
        except (ValueError, LookupError):  # `format` raises them for other text in the braces
            *names, last = (f"{{{name}}}" for name in self.filled_in)
            return f"only {' and '.join(filter(None, [', '.join(names), last]))} can be filled in"
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint of a run: `"latest"`, `"best"` or the number of a step."""

    def fault(self, value: Any) -> str | None:
        """See `Rule`."""
        fits = value in ("latest", "best") or re.fullmatch(r"\d+", str(value), re.ASCII)
        return None if fits else "choose latest, best, or the number of a step"


def check(rule: Rule, value: Any, *, option: str) -> None:
    """Raises `ConfigError` if a value does not fit a rule; `option` is the option that sets the value."""
    if isinstance(rule, Folder) and isinstance(value, str):
        refuse_url(value, option=option)
    if fault := rule.fault(value):
        raise ConfigError(f"{option}={_shown(rule, value)}: {fault}")


def _shown(rule: Rule, value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return repr(value) if isinstance(rule, Choice | Duration) else str(value)
