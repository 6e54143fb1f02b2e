"""The weights and input that the parity tests and the script that made their PyTorch numbers share."""

import numpy as np

HIDDEN, LAYERS, SHADOWS, LENGTH, BATCH = 32, 3, 12, 600, 3


def torch_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Returns float64 weights under torch's names, uniform in ±1/√H, with forget biases that remember longer."""
    rng = np.random.default_rng(seed)
    bound = HIDDEN**-0.5
    weights = {}
    for layer in range(LAYERS):
        inputs = 1 if layer == 0 else 2 * HIDDEN
        for direction in ("", "_reverse"):
            for name, shape in (
                ("weight_ih", (4 * HIDDEN, inputs)),
                ("weight_hh", (4 * HIDDEN, HIDDEN)),
                ("bias_ih", (4 * HIDDEN,)),
                ("bias_hh", (4 * HIDDEN,)),
            ):
                weights[f"lstm.{name}_l{layer}{direction}"] = rng.uniform(-bound, bound, shape)
            weights[f"lstm.bias_ih_l{layer}{direction}"][HIDDEN : 2 * HIDDEN] += 3.0
    weights["head.weight"] = rng.uniform(-bound, bound, (SHADOWS, HIDDEN))
    weights["head.bias"] = rng.uniform(-bound, bound, SHADOWS)
    return weights


def windows(seed: int = 1) -> np.ndarray:
    """Returns the input `[B, T]` float64."""
    return np.random.default_rng(seed).normal(size=(BATCH, LENGTH))


def to_finjax(weights: dict[str, np.ndarray], *, sum_biases: bool = True) -> dict:
    """Arranges torch's weights (or, with `sum_biases=False`, gradients) as the FIN's parameters.

    Torch holds a bias for the input and one for the recurrent part; their sum is ours, and the gradient of
    either is the gradient of the sum.
    """
    params = {"head": {"kernel": weights["head.weight"].T, "bias": weights["head.bias"]}}
    for layer in range(LAYERS):
        directions = ("_reverse",) if layer == LAYERS - 1 else ("", "_reverse")

        def stacked(name, layer=layer, directions=directions):
            return np.stack([weights[f"lstm.{name}_l{layer}{d}"] for d in directions])

        params[f"lstm_{layer}"] = {
            "kernel": stacked("weight_ih").swapaxes(1, 2),
            "recurrent": stacked("weight_hh").swapaxes(1, 2),
            "bias": stacked("bias_ih") + (stacked("bias_hh") if sum_biases else 0),
        }
    return params
