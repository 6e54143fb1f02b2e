"""Imported networks compute what torch computes with the same weights."""

import jax
import numpy as np
import pytest
from rounding import assert_close

torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")

from published import SMALL_CNN, SMALL_FIN, SSI, imported, random_cnn, random_fin, torch_output  # noqa: E402

from finjax.interop.model_description import ModelDescription  # noqa: E402


@pytest.mark.numerics
@pytest.mark.parametrize("sizes", [{}, {"hidden": 5, "layers": 1, "shadows": 2}, {"hidden": 8, "layers": 4}])
def test_a_fin_computes_what_torch_does(tmp_path, sizes):
    network = random_fin(**sizes)
    model = imported(network, tmp_path, SSI)
    windows = np.random.default_rng(0).normal(size=(7, 600))
    layers = sizes.get("layers", 3)
    assert_close(model.apply(windows), torch_output(network, windows[..., None]), terms=layers * 600)
    assert (model.target, model.dataset, model.rate_hz, model.framing.length) == ("ssi", "ninapro_db2", 2000.0, 600)


# The last is narrower than the kernels: they shrink.
@pytest.mark.numerics
@pytest.mark.parametrize(
    ("dataset", "sizes"),
    [
        ("ninapro_db2", {}),
        ("three_dc", {"channels": 10, "classes": 11}),
        ("synthetic", {"filters": (6, 5), "shadows": 3, "kernel": 4}),
    ],
)
def test_a_cnn_computes_what_torch_does(tmp_path, dataset, sizes):
    network = random_cnn(**sizes)
    model = imported(network, tmp_path, ModelDescription(dataset=dataset))
    shape = (9, sizes.get("channels", 12), sizes.get("shadows", 12), 4)
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)  # [B, C, S, F]
    logits = model.decoder.predict(model.params, model.stats, features)
    expected = torch_output(network, features.transpose(0, 3, 1, 2))
    assert_close(logits, expected, terms=1000)  # a convolution sums some hundred products
    assert model.features == ("rms", "var", "ssi", "ent")
    assert len(model.movement_names) == sizes.get("classes", 17)


@pytest.mark.slow
@pytest.mark.numerics
def test_mean_and_deviation_are_those_of_the_features(tmp_path):
    fin = imported(random_fin(**SMALL_FIN), tmp_path, ModelDescription(target="rms", mean="-0.5", std="2"))
    windows = np.random.default_rng(0).normal(size=(3, 600))
    np.testing.assert_allclose(fin(windows), fin.apply(windows)[:, 0] * 2 - 0.5, rtol=1e-6)

    (tmp_path / "cnn").mkdir()
    description = ModelDescription(features="wl,rms", mean="300,0.5", std="100, 0.2")
    network = random_cnn(**SMALL_CNN)
    cnn = imported(network, tmp_path / "cnn", description)
    windows = np.random.default_rng(0).normal(size=(5, 12, 600))
    rms, wl = np.sqrt(np.mean(windows**2, axis=-1)), np.abs(np.diff(windows, axis=-1)).sum(axis=-1)
    features = np.stack([(wl - 300) / 100, (rms - 0.5) / 0.2], axis=1)  # [B, F, C]
    expected = torch_output(network, np.repeat(features[..., None], 3, axis=-1))
    with jax.numpy_rank_promotion("allow"):  # a standardisation [F] of values [B, C, F]
        assert_close(cnn.logits(windows), expected, terms=3000)  # of a sum of 600 samples, divided by 100


@pytest.mark.parametrize("make", [random_fin, random_cnn])
def test_wrapped_and_prefixed_state_dicts_are_the_same(tmp_path, make):
    weights = make().state_dict()
    prefixed = {f"module.{name}": tensor for name, tensor in weights.items()}
    double = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    description = SSI if make is random_fin else ModelDescription()
    models = []
    for content in (weights, {"epoch": 3, "state_dict": weights}, {"model_state_dict": prefixed, "loss": 0.1}, double):
        folder = tmp_path / str(len(models))
        folder.mkdir()
        models.append(imported(content, folder, description))
    for other in models[1:]:
        jax.tree.map(np.testing.assert_array_equal, other.params, models[0].params)
