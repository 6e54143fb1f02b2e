"""The logarithm of symmetric positive definite matrices, with a gradient that equal eigenvalues do not break."""

import jax
import jax.numpy as jnp

CLOSE = 1e-3  # relative difference of two eigenvalues below which their divided difference is a derivative


def matrix_log(matrix: jax.Array) -> jax.Array:
    """Returns the logarithm of symmetric positive definite matrices, `[..., C, C] → [..., C, C]`.

    It can be differentiated where eigenvalues are equal, too: see `_derivative`.
    """
    return _logarithm(matrix)


@jax.custom_jvp
def _logarithm(matrix: jax.Array) -> jax.Array:
    values, vectors = jnp.linalg.eigh(matrix)
    return (vectors * jnp.log(values)[..., None, :]) @ vectors.swapaxes(-1, -2)


@_logarithm.defjvp
def _derivative(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    """The derivative after Daleckii and Krein 1965: in the eigenbasis, each element times a divided difference.

    JAX's own derivative of `eigh` divides by the differences of eigenvalues, and is not finite where two are equal.
    """
    (matrix,), (tangent,) = primals, tangents
    values, vectors = jnp.linalg.eigh(matrix)
    transposed = vectors.swapaxes(-1, -2)
    one, other = values[..., :, None], values[..., None, :]
    ratio = (one - other) / (one + other)  # (log a − log b) / (a − b) = 2 artanh(ratio) / (a − b)
    close = jnp.abs(ratio) < CLOSE
    difference = jnp.where(close, 1.0, one - other)
    divided = jnp.where(close, 2 * (1 + ratio**2 / 3) / (one + other), (jnp.log(one) - jnp.log(other)) / difference)
    inner = transposed @ ((tangent + tangent.swapaxes(-1, -2)) / 2) @ vectors
    return (vectors * jnp.log(values)[..., None, :]) @ transposed, vectors @ (divided * inner) @ transposed
