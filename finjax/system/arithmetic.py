"""NumPy's own arithmetic, whatever a script has set with `np.seterr`.

People set `np.seterr(all="raise")` to find their own mistakes. In finjax small numbers become 0 as a matter of course:
where a filter's output is rounded to float32, for instance.
"""

import numpy as np


def numpy_defaults() -> np.errstate:
    """Returns a context or decorator in which NumPy warns, or ignores an underflow, as it does by default."""
    return np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
