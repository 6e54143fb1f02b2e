"""NumPy's default handling of floating-point errors, whatever a script has set with `np.seterr`.

Users set `np.seterr(all="raise")` to find their own mistakes. In finjax it is normal that small numbers become 0, for
example where the output of a filter is rounded to float32.
"""

import numpy as np


def numpy_defaults() -> np.errstate:
    """Returns a context or decorator: inside, NumPy ignores underflow and warns of other errors, its default."""
    return np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
