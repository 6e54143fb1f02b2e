"""Durations that users give: `300ms`, or a number of samples."""

import math
import re

from finjax.errors import ConfigError

SHOWN_CHARACTERS = 40  # of a wrong duration in a message
LONGEST_MS = 3_600_000  # of a duration: an hour; the longest movement takes half a minute


def parse_duration(duration: str | int) -> tuple[float, bool] | None:
    """Returns the number of a duration, and whether it counts milliseconds rather than samples; None if it is none."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?\s*ms|\d+)\s*", str(duration), re.ASCII)
    if not match:
        return None
    return float(match[1].removesuffix("ms")), match[1].endswith("ms")


def duration_ms(duration: str | int, rate_hz: float, *, option: str) -> float:
    """Converts `"300ms"` (or a plain number, of samples at `rate_hz`) to milliseconds.

    Args:
        duration: the text.
        rate_hz: sampling rate.
        option: the user's name of it, such as `--config.window`; messages start with it.

    Raises:
        ConfigError: the text is not a duration, or longer than an hour.
    """
    try:
        text = str(duration)
    except ValueError:  # an integer with more digits than Python converts to text
        raise ConfigError(f"{option} has too many digits: at most an hour is allowed") from None
    shown = repr(duration) if len(text) <= SHOWN_CHARACTERS else f"'{text[:SHOWN_CHARACTERS]}…'"
    parsed = parse_duration(text)
    if not parsed:
        raise ConfigError(f"{option}={shown}: give milliseconds as '300ms' or a whole number of samples as '600'")
    number, in_ms = parsed
    number = number if in_ms else number * 1000 / rate_hz
    if number > LONGEST_MS:
        raise ConfigError(
            f"{option}={shown} is too long: at most an hour is allowed, "
            f"{LONGEST_MS * rate_hz / 1000:.0f} samples at {rate_hz:g} Hz"
        )
    return number


def to_samples(duration: str | int, rate_hz: float, *, option: str) -> int:
    """Converts `"300ms"` (or a plain number, of samples) to the nearest number of samples at `rate_hz`.

    Args:
        duration: the text.
        rate_hz: sampling rate.
        option: the user's name of it, such as `--config.window`; messages start with it.

    Raises:
        ConfigError: the text is not a duration, rounds to 0 samples, or is longer than an hour.

    Example:
        >>> to_samples("300ms", 2000.0, option="window")
        600
    """
    exact = duration_ms(duration, rate_hz, option=option) * rate_hz / 1000
    samples = math.floor(exact + 0.5)
    if samples < 1:
        raise ConfigError(
            f"{option}={duration!r} is {exact:g} samples at {rate_hz:g} Hz; it must be 1 sample, "
            f"{1000 / rate_hz:.4g} ms, or more"
        )
    return samples


def describe_rounding(duration: str | int, rate_hz: float, *, option: str) -> str:
    """Describes how a duration was rounded; empty if it is a whole number of samples."""
    exact = duration_ms(duration, rate_hz, option=option) * rate_hz / 1000
    samples = to_samples(duration, rate_hz, option=option)
    if abs(exact - samples) < 1e-6:
        return ""
    return (
        f"{option}={duration} is {exact:.6g} samples at {rate_hz:.10g} Hz: rounded to {samples} samples, "
        f"{samples * 1000 / rate_hz:.6g} ms"
    )
