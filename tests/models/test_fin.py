"""The FIN against PyTorch, against an LSTM written out in NumPy, and against its own definition."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_network
from rounding import assert_close

from finjax.errors import ConfigError
from finjax.models.fin import FIN

pytestmark = pytest.mark.numerics

TORCH = np.load(Path(__file__).with_name("torch_reference.npz"))


def init_from(model: FIN, key, length: int = 600):
    return model.init(key, jnp.zeros((1, length)))["params"]


def init(model: FIN, length: int = 600):
    return init_from(model, jax.random.key(0), length)


def count(params) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_the_paper_network_has_46348_parameters():
    # By hand: 2·(1 + 32 + 1)·128 + 2·(64 + 32 + 1)·128 + (64 + 32 + 1)·128 + 33·12.
    assert count(init(FIN())) == 46_348


def test_the_published_torch_module_without_its_dead_weights_is_as_large():
    weights = reference_network.torch_weights()
    alive = reference_network.to_finjax(weights)
    assert count(alive) == 46_348
    assert sum(w.size for w in weights.values()) == 59_532  # 59,928 less its unused dense layer, 33·12


@pytest.mark.parametrize("patch_size", [pytest.param(1, marks=pytest.mark.slow), 10])
def test_output_is_a_value_per_shadow(patch_size):
    model = FIN(shadows=5, patch_size=patch_size, hidden=4)
    params = init(model, 60)
    assert model.apply({"params": params}, jnp.ones((7, 60))).shape == (7, 5)
    assert params["lstm_0"]["kernel"].shape == (2, patch_size, 16)


def output_and_gradient(dtype):
    params = reference_network.to_finjax(reference_network.torch_weights())
    params = jax.tree.map(lambda w: jnp.asarray(w, dtype), params)
    windows = jnp.asarray(reference_network.windows(), dtype)

    def objective(params):
        output = FIN().apply({"params": params}, windows)
        return jnp.mean(jnp.square(output)), output

    gradient, output = jax.jit(jax.grad(objective, has_aux=True))(params)
    assert output.dtype == dtype
    return output, gradient


# In float64 both sides must agree to the digits stored, which are float32's (0.6e-7 of the value). In float32 they
# round in each of 600 steps of three layers.
@pytest.mark.parametrize(("dtype", "terms"), [(jnp.float64, 8), (jnp.float32, 3 * 600)])
def test_outputs_and_gradients_equal_torch(dtype, terms):
    with jax.enable_x64(dtype == jnp.float64):
        output, gradient = output_and_gradient(dtype)
    assert_close(output, TORCH["output"], terms=terms)

    stored = {name.removeprefix("gradient."): TORCH[name] for name in TORCH.files if name[:9] == "gradient."}
    expected = reference_network.to_finjax(stored, sum_biases=False)
    for (path, ours), theirs in zip(jax.tree.leaves_with_path(gradient), jax.tree.leaves(expected), strict=True):
        assert_close(ours, theirs, terms=terms, err_msg=jax.tree_util.keystr(path))


def numpy_lstm(x, kernel, recurrent, bias):
    """One direction of one layer, step by step: `[T, D]` → `[T, H]`, float64."""
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    width = recurrent.shape[0]
    hidden, cell, states = np.zeros(width), np.zeros(width), []
    for sample in x:
        gates = sample @ kernel + hidden @ recurrent + bias
        i, f, g, o = (gates[k * width : (k + 1) * width] for k in range(4))
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        states.append(hidden)
    return np.array(states)


@pytest.mark.parametrize("patch_size", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_outputs_equal_a_numpy_network(patch_size):
    model = FIN(hidden=5, layers=3, shadows=2, patch_size=patch_size)
    params = init(model, 40)
    windows = np.random.default_rng(0).normal(size=(3, 40))
    expected = []
    for window in windows:
        x = window.reshape(-1, patch_size)
        for layer in range(3):
            weights = jax.tree.map(lambda w: np.asarray(w, np.float64), params[f"lstm_{layer}"])
            # The backward direction is the last one there is.
            backward = numpy_lstm(x[::-1], *(weights[n][-1] for n in ("kernel", "recurrent", "bias")))
            if layer < 2:
                forward = numpy_lstm(x, *(weights[n][0] for n in ("kernel", "recurrent", "bias")))
                x = np.concatenate([forward, backward[::-1]], axis=1)
        expected.append(backward[-1] @ params["head"]["kernel"] + params["head"]["bias"])
    assert_close(model.apply({"params": params}, jnp.asarray(windows, jnp.float32)), expected, terms=3 * 40)


@pytest.mark.slow
def test_models_of_leading_axes_equal_separate_models():
    model = FIN(hidden=4, shadows=2)
    windows = jax.random.normal(jax.random.key(1), (3, 5, 20))
    params = model.init(jax.random.key(0), windows)["params"]
    together = model.apply({"params": params}, windows)
    for m in range(3):
        alone = model.apply({"params": jax.tree.map(lambda leaf, m=m: leaf[m], params)}, windows[m])
        assert_close(together[m], alone, terms=3 * 20)


@pytest.mark.slow
def test_directions_and_models_add_no_loops():
    model = FIN(hidden=4, shadows=2)

    def loops(*models):
        windows = jnp.zeros((*models, 5, 20))
        variables = model.init(jax.random.key(0), windows)
        return str(jax.make_jaxpr(model.apply)(variables, windows)).count("scan[")

    assert loops() == loops(6) == loops(2, 3) > 0


def test_chrono_biases_remember_from_1_to_the_whole_window():
    bias = init(FIN(hidden=32), 600)["lstm_0"]["bias"]  # [2, 4H]
    update, forget, candidate, output = np.split(np.asarray(bias), 4, axis=1)
    np.testing.assert_array_equal(update, -forget)
    assert forget.min() >= 0 and forget.max() <= np.log(599)
    assert forget.max() > np.log(300)  # 64 draws of U(1, 599), and not one above 300: 1 in 10¹⁹
    assert np.abs(np.concatenate([candidate, output])).max() <= 32**-0.5


def test_uniform_initialisation_stays_within_its_bound():
    for leaf in jax.tree.leaves(init(FIN(initialisation="uniform"))):
        assert 0.8 * 32**-0.5 < np.abs(leaf).max() <= 32**-0.5


def test_a_window_that_does_not_divide_into_patches_is_refused():
    with pytest.raises(ConfigError, match="601 samples does not divide into patches of 10"):
        init(FIN(patch_size=10), 601)


def test_an_unknown_initialisation_is_refused():
    with pytest.raises(ConfigError, match="'orthogonal'; known are chrono, uniform"):
        init(FIN(initialisation="orthogonal"), 60)


@pytest.mark.gpu
def test_a_gpu_computes_what_the_cpu_does():
    model = FIN()
    params, windows = init(model), np.random.default_rng(0).normal(size=(64, 600)).astype(np.float32)
    on = {kind: jax.device_put((params, windows), jax.devices(kind)[0]) for kind in ("cpu", "gpu")}
    with jax.default_matmul_precision("float32"):
        cpu, gpu = (model.apply({"params": p}, w) for p, w in on.values())
    assert_close(cpu, gpu, terms=3 * 600)


@pytest.mark.slow
def test_numpy_parameters_may_be_closed_over():
    model = FIN(hidden=4, patch_size=10, shadows=2)
    windows = jnp.ones((2, 40))
    params = model.init(jax.random.key(0), windows)["params"]
    on_host = jax.tree.map(np.asarray, params)
    apply = jax.jit(lambda x: model.apply({"params": on_host}, x))
    assert_close(apply(windows), model.apply({"params": params}, windows), terms=3 * 40)
