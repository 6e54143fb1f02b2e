"""Units of samples: their usual spelling, and the conversion between units of voltage."""

from finjax.errors import DataError

MICROVOLTS = {"V": 1e6, "mV": 1e3, "uV": 1.0, "nV": 1e-3}
WORDS = {"volt": "V", "millivolt": "mV", "microvolt": "uV", "nanovolt": "nV"}
EXPONENTS = {"0": "V", "-3": "mV", "-6": "uV", "-9": "nV"}  # powers of ten of a volt, as some senders to LSL write them


def plain_unit(text: str) -> str:
    """Returns the usual spelling of a unit of voltage, such as `uV` for `µV` or `microvolts`; others unchanged.

    Example:
        >>> plain_unit("µV"), plain_unit("Volts"), plain_unit("n/a"), plain_unit("a.u.")
        ('uV', 'V', '', 'a.u.')
    """
    text = text.strip().replace("µ", "u").replace("μ", "u")
    if text.casefold() in ("", "n/a", "unknown"):
        return ""
    known = {unit.casefold(): unit for unit in MICROVOLTS} | WORDS | EXPONENTS
    return known.get(text.casefold().rstrip("s"), text)


def are_convertible(unit: str, other: str) -> bool:
    """Returns whether samples in one unit can be converted to the other: the same unit, or two units of voltage."""
    return unit == other or {unit, other} <= set(MICROVOLTS)


def factor(unit: str, wanted: str) -> float:
    """Returns by what samples in `unit` are multiplied to be in `wanted`; see `are_convertible`.

    Example:
        >>> factor("mV", "uV"), factor("counts", "counts")
        (1000.0, 1.0)
    """
    return MICROVOLTS[unit] / MICROVOLTS[wanted] if unit != wanted else 1.0


def factor_between(unit: str, wanted: str, *, refused: str) -> float:
    """Returns `factor`, or 1 if one of the units is not known (empty).

    Args:
        unit: unit of the samples.
        wanted: the unit that they are to have.
        refused: what follows in the message from units that cannot be converted.

    Raises:
        DataError: the units cannot be converted.
    """
    if not unit or not wanted:
        return 1.0
    if not are_convertible(unit, wanted):
        raise DataError(f"{refused}: {unit} cannot be converted to {wanted}")
    return factor(unit, wanted)
