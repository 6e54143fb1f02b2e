"""How large samples can be: 24 bits of a file must cover all that a device sends."""

import math

from finjax.errors import ConfigError

USUAL_RANGES = {"uV": 400_000.0, "mV": 400.0, "V": 0.4}  # also amplifiers that keep the offset of the electrodes
SPARE = 10.0  # times the strongest sample of the check, where the unit is not known


def usual_range(unit: str) -> float | None:
    """Returns the largest value to expect of samples in a unit; None: the unit is not known."""
    return USUAL_RANGES.get(unit)


def range_above(strongest: float | None) -> float:
    """Returns a range that leaves room above the strongest sample of the electrode check: 1, 2 or 5 times 10 to the n.

    Args:
        strongest: the strongest sample; None: the check was skipped.

    Raises:
        ConfigError: the check was skipped, or no sample was other than 0.
    """
    if strongest is None or not (math.isfinite(strongest) and strongest > 0):
        found = "the check, which measures their size, was skipped" if strongest is None else "they were all 0"
        raise ConfigError(
            f"the unit of the samples is not known, and {found}: give --unit=uV, or --range and the largest value of "
            "a sample"
        )
    power = 10.0 ** math.floor(math.log10(SPARE * strongest))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= SPARE * strongest)
