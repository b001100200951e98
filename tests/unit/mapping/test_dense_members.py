"""Dense networks over blocks of pixels give what each network gives by itself, whatever the inputs and their cells."""

import numpy as np
import pytest
import torch
from networks import a_network

from loam.covariates.read.tiles import TileInputs
from loam.mapping import dense_members
from loam.mapping import engine as engine_module
from loam.mapping.engine import Engine
from loam.models.parts.initial import draw_parameters
from loam.training.card import Members
from loam.training.scaling import Scaler

TOLD = ["neighbours_surface", "neighbours_subsurface", "neighbours_count_surface", "neighbours_count_subsurface"]
SHAPE, MEMBERS = (6, 3, 2), 4


def draw(model, extras, scaling, **settings):
    rng, (static, steps, variables) = np.random.default_rng(7), SHAPE
    shape = (static + len(extras), steps, variables)
    settings = {"hidden": [12, 8], "frozen": 0, "units": 5, "dense": 7, **settings}
    network = a_network(model, settings, shape, 2)
    parameters = draw_parameters(network, range(MEMBERS))
    if settings["output"] == "scaled":
        parameters |= {"output_shift": torch.rand(MEMBERS, 2), "output_scale": torch.rand(MEMBERS, 2)}
    features = static + steps * variables
    mean, std = rng.normal(300, 40, (MEMBERS, features)), rng.uniform(20, 90, (MEMBERS, features))
    median = None
    if scaling != "each":
        mean, std = mean[:1].repeat(MEMBERS, 0), std[:1].repeat(MEMBERS, 0)
    if scaling == "skewed":
        median = np.where(np.arange(features) % 2, 250.0, np.nan)[None].repeat(MEMBERS, 0)
        mean[:, 1::2], std[:, 1::2] = 0.7, 0.2
    unit = rng.uniform(0.05, 0.1, (MEMBERS, 2))
    card = {"model": model, "scenario": "both", "layers": ["surface", "subsurface"], "shape": list(shape),
            "extras": extras, "members": [{"unit": own.tolist()} for own in unit]}  # fmt: skip
    return Members([network], [parameters], Scaler(mean, std, median), card), unit


def expected(members, unit, inputs, told):
    """Mean and deviation over the networks, each asked by itself about each pixel."""
    static, pixels = SHAPE[0], len(inputs.static)
    read = np.concatenate([inputs.static, inputs.cells[inputs.cell].reshape(pixels, -1)], 1).astype(float)
    outputs = []
    for place in range(MEMBERS):
        network, _ = members.network_of(place)
        scaled = members.scaler.apply(place, slice(None), read)
        parts = [scaled[:, :static]]
        if "of_target" in members.card["extras"]:
            parts.append(np.ones((pixels, 1)))
        if TOLD[0] in members.card["extras"]:
            parts += [told[0] / unit[place], told[1] / (told[1] + 1)]
        given = {"static": np.concatenate(parts, 1), "sequence": scaled[:, static:].reshape(pixels, *SHAPE[1:])}
        outputs.append(network({name: torch.from_numpy(part).float() for name, part in given.items()})[:, -1].numpy())
    return np.mean(outputs, 0), np.std(np.array(outputs, np.float64), 0, ddof=1)


@pytest.mark.parametrize("cells", ["one", "few", "many"])
@pytest.mark.parametrize(
    ("model", "extras", "scaling", "settings"),
    [
        ("mlp", [], "each", {"output": "linear"}),
        ("lstm", [], "each", {"output": "logistic"}),
        ("lstm", [], "same", {"output": "linear"}),
        ("mlp", ["of_target"], "skewed", {"output": "scaled", "activation": "silu"}),
        ("mlp", ["of_target", *TOLD], "skewed", {"output": "scaled", "activation": "silu"}),
        ("mlp", TOLD, "each", {"output": "linear", "activation": "silu"}),
    ],
)
def test_blocks_of_pixels_get_what_each_network_says(monkeypatch, model, extras, scaling, settings, cells):
    monkeypatch.setitem(dense_members.BLOCK, "cpu", 50)
    monkeypatch.setattr(dense_members, "FEW", 20)
    monkeypatch.setattr(engine_module, "HELD", 400 * engine_module.NEURONS)
    members, unit = draw(model, extras, scaling, **settings)
    rng, pixels = np.random.default_rng(1), 333
    count = {"one": 1, "few": 5, "many": pixels}[cells]
    cell = np.arange(pixels) if cells == "many" else rng.integers(0, count, pixels)
    inputs = TileInputs(
        np.arange(pixels), rng.normal(300, 60, (pixels, SHAPE[0])).astype(np.float32), cell,
        rng.normal(300, 60, (count, *SHAPE[1:])).astype(np.float32),
    )  # fmt: skip
    told = rng.normal(0, 0.05, (pixels, 2)), rng.integers(0, 4, (pixels, 2))
    engine = Engine(members, "cpu")
    assert engine._dense is not None
    mean, deviation = engine.predict(inputs, told if TOLD[0] in extras else None)
    wanted, spread = expected(members, unit, inputs, told)
    np.testing.assert_allclose(mean, wanted.clip(0, 1), rtol=0, atol=5e-6)
    np.testing.assert_allclose(deviation, spread, rtol=0, atol=5e-6)
    assert spread.min() > 1e-4


def test_scalers_that_differ_by_more_than_what_is_linear_are_taken_one_by_one():
    members, _ = draw("mlp", ["of_target"], "skewed", output="linear")
    members.scaler.mean[1] += 0.1
    assert Engine(members, "cpu")._dense is None
