"""How far two computations of the same thing in float32 may be apart by rounding alone.

The order of a sum depends on the width of the CPU's vectors, on the threads, on devices and on tiles. A sum of n terms
differs between two orders by at most n ε Σ|terms| (Higham 2002, section 4.2), ε = 1.2e-7. The largest value of the
array stands for Σ|terms|: a small value can be what is left of large terms, so that nothing is compared relative to
itself. A recurrent network adds a term in every time step.

Weights after Adam are not compared in this way: Adam divides a gradient by the root of its second moment, so that a
gradient that is almost 0, and thus rounding, becomes a whole step of the size of the learning rate. Gradients are
compared, or Adam's first moments, which are sums of gradients.
"""

import jax
import numpy as np

EPSILON = float(np.finfo(np.float32).eps)


def assert_close(found, expected, *, terms: int, floor: float = 0.0, err_msg: str = "") -> None:
    """Compares two arrays, sums of `terms` each; `floor`: the least size of what was summed."""
    expected = np.asarray(expected)
    largest = max(np.abs(expected).max(), floor)
    assert largest > 0, f"{err_msg}: nothing to compare"
    np.testing.assert_allclose(found, expected, rtol=0, atol=terms * EPSILON * largest, err_msg=err_msg)


def of_probabilities(logits, *, terms: int) -> float:
    """Returns how far probabilities may be apart, relative to themselves: their logits are sums of `terms`.

    The exponential turns the absolute error of a logit into a relative one, and the sum below the line has the same.
    """
    return 2 * terms * EPSILON * float(np.abs(logits).max())


def assert_trees_close(found, expected, *, terms: int) -> None:
    """Compares two trees of arrays leaf by leaf.

    The largest value of all leaves is in the sums of each leaf too, a thousandth of it at least: the gradient of a bias
    before a BatchNorm is 0 but for rounding, that of the gradients behind it.
    """
    floor = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected)) / 1000
    for (path, leaf), other in zip(jax.tree.leaves_with_path(expected), jax.tree.leaves(found), strict=True):
        assert_close(other, leaf, terms=terms, floor=floor, err_msg=jax.tree_util.keystr(path))
