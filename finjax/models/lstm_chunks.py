"""Chunks of time for the LSTM: single steps, loops over chunks, and the chunk that each direction reads or writes.

Arrays in time are `[N, T, B, …]`, of N models. Chunks are `[G, size, B, …]`: each direction of each model is one of
G LSTMs. A chunk is in the order in which its direction reads.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax

Index = jax.Array | int
_Carry = TypeVar("_Carry")


def step_at(values: jax.Array, t: Index) -> jax.Array:
    """Returns one time step: `[G, T, …]` → `[G, …]`."""
    return steps_from(values, t, 1)[:, 0]


def steps_from(values: jax.Array, start: Index, size: int) -> jax.Array:
    """Returns some time steps: `[G, T, …]` → `[G, size, …]`."""
    return lax.dynamic_slice_in_dim(values, start, size, axis=1, allow_negative_indices=False)


def put_steps(values: jax.Array, steps: jax.Array, start: Index) -> jax.Array:
    """Returns `[G, T, …]` with some steps replaced, from `start` on."""
    return lax.dynamic_update_slice_in_dim(values, steps, start, axis=1, allow_negative_indices=False)


def loop_over_chunks(
    body: Callable[[_Carry, Index, int], _Carry], carry: _Carry, *, steps: int, chunk: int, reverse: bool = False
) -> _Carry:
    """Applies `body(carry, start, size) → carry` to one chunk after another; the last in time may be shorter."""
    whole, rest = divmod(steps, chunk)

    def whole_chunk(number: Index, carry: _Carry) -> _Carry:
        return body(carry, chunk * (whole - 1 - number if reverse else number), chunk)

    if rest and reverse:
        carry = body(carry, whole * chunk, rest)
    if whole:
        carry = lax.fori_loop(0, whole, whole_chunk, carry)
    if rest and not reverse:
        carry = body(carry, whole * chunk, rest)
    return carry


def _positions(steps: int, start: Index, size: int, directions: int) -> list[tuple[Index, bool]]:
    """Returns for each direction where its chunk starts in time, and whether the direction reads backward."""
    backward = (steps - start - size, True)
    return [backward] if directions == 1 else [(start, False), backward]


def read_chunk(values: jax.Array, start: Index, size: int, directions: int, *, own: bool = False) -> jax.Array:
    """Reads a chunk for each direction: all features of `[N, T, B, D]`, or its `own` ones of `[N, T, B, R × H]`."""
    parts = []
    for number, (first, backward) in enumerate(_positions(values.shape[1], start, size, directions)):
        part = steps_from(values, first, size)
        part = jnp.split(part, directions, axis=-1)[number] if own else part
        parts.append(jnp.flip(part, axis=1) if backward else part)
    return jnp.stack(parts, axis=1).reshape(-1, *parts[0].shape[1:])


def write_chunk(values: jax.Array, chunk: jax.Array, start: Index, directions: int, *, own: bool = False) -> jax.Array:
    """Adds each direction's chunk to `[N, T, B, D]`, or writes it to its `own` features of `[N, T, B, R × H]`."""
    size, width = chunk.shape[1], chunk.shape[-1]
    parts = jnp.unstack(chunk.reshape(len(values), directions, *chunk.shape[1:]), axis=1)
    for number, (first, backward) in enumerate(_positions(values.shape[1], start, size, directions)):
        part = jnp.flip(parts[number], axis=1) if backward else parts[number]
        if own:
            values = lax.dynamic_update_slice(values, part, (0, first, 0, number * width))
        else:
            values = put_steps(values, steps_from(values, first, size) + part, first)
    return values


def join_directions(states: jax.Array, models: int) -> jax.Array:
    """Maps `[N × R, B, H]` to `[N, B, R × H]`."""
    return jnp.concatenate(jnp.unstack(states.reshape(models, -1, *states.shape[1:]), axis=1), axis=-1)


def split_directions(states: jax.Array, directions: int) -> jax.Array:
    """Maps `[N, B, R × H]` to `[N × R, B, H]`."""
    parts = jnp.stack(jnp.split(states, directions, axis=-1), axis=1)
    return parts.reshape(-1, *parts.shape[2:])
