"""Networks have the published shapes, and their parts make the whole."""

from __future__ import annotations

import pytest
import torch
from networks import a_network
from pages import labelled_files

from loam.config.models import network_of, resolve_model
from loam.errors import ConfigError
from loam.models.parts.initial import draw_parameters
from loam.models.parts.shape import Shape
from loam.plugins import load
from loam.training.networks import frozen_of
from loam.training.stacked import Stack, run_alone
from loam.training.training_settings import training_settings

PUBLISHED = {
    "mlp": {"hidden": [128, 64, 32, 16], "frozen": 3, "output": "logistic"},
    "lstm": {"units": 64, "dense": 100, "hidden": [128, 64, 32, 16], "frozen": 3, "output": "logistic"},
}
SHAPE = (24, 8, 2)
MODELS = pytest.mark.parametrize("model", ["mlp", "lstm"])


def published(model):
    network = a_network(model, PUBLISHED[model], SHAPE, 2)
    drawn = draw_parameters(network, [0])
    network.load_state_dict({name: value[0] for name, value in drawn.items()})
    return network


def dense(inputs, outputs):
    return outputs * (inputs + 1)


@pytest.mark.parametrize(
    ("model", "first"),
    [("mlp", dense(24 + 16, 128)), ("lstm", 2 * 4 * 64 * (64 + 2 + 1) + dense(128, 100) + dense(100 + 24, 128))],
)
def test_numbers_of_parameters_are_those_of_the_published_layers(model, first):
    rest = dense(128, 64) + dense(64, 32) + dense(32, 16) + dense(16, 2)
    assert sum(parameter.numel() for parameter in published(model).parameters()) == first + rest


@MODELS
def test_one_output_a_layer_and_none_beyond(model):
    network = published(model)
    assert network({"static": torch.randn(5, 24), "sequence": torch.randn(5, 8, 2)}).shape == (5, 1, 2)


@MODELS
def test_the_parts_that_read_cell_and_pixel_make_the_whole(model):
    network = published(model).double()
    static, sequence = torch.randn(9, 24).double(), torch.randn(3, 8, 2).double()
    cell = torch.tensor([0, 0, 1, 2, 2, 2, 1, 0, 1])
    parts = network.of_pixel(static, network.of_cell(sequence)[cell])
    whole = network({"static": static, "sequence": sequence[cell]})
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-12)


def test_mlp_reads_a_run_without_a_sequence():
    network = a_network("mlp", PUBLISHED["mlp"], (7, 0, 0), 1)
    assert network({"static": torch.randn(4, 7), "sequence": torch.randn(4, 0, 0)}).shape == (4, 1, 1)


@MODELS
def test_frozen_are_the_first_hidden_layers_after_the_encoder(model):
    network = published(model)
    shapes = {name: tuple(network.state_dict()[name].shape) for name in frozen_of(network, PUBLISHED[model])}
    assert [shape for name, shape in shapes.items() if name.endswith("weight")][1:] == [(64, 128), (32, 64)]
    assert not any(name.startswith("encoder") for name in shapes)


def test_dense_layers_begin_with_glorot_weights_and_no_bias():
    network = published("mlp")
    weight, limit = network.hidden[1].weight, (6 / (128 + 64)) ** 0.5
    assert 0.98 * limit < weight.abs().max() <= limit
    assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.05)
    assert all((layer.bias == 0).all() for layer in [*network.hidden, network.output])


@MODELS
def test_a_seed_draws_a_member_s_weights_whoever_else_is_drawn(model):
    network = published(model)
    together, alone = draw_parameters(network, [4, 5]), draw_parameters(network, [5])
    for name, value in together.items():
        assert torch.equal(value[1], alone[name][0])
    assert not torch.equal(together["hidden.0.weight"][0], together["hidden.0.weight"][1])


def test_the_network_of_the_how_to_trains_beside_others(project, tmp_path):
    page = (project / "docs" / "how-to" / "add-a-model.md").read_text(encoding="utf-8")
    code = labelled_files(page)["my_models/day_convolution.py"]
    (tmp_path / "cnn.py").write_text(code, encoding="utf-8")
    training = {"model_path": str(tmp_path), "learning_rate": 0.1, "batch_size": 2, "epochs": 1, "patience": 1}
    chosen = resolve_model("cnn", {**training, "cnn": {"filters": 16}})
    network = load(network_of("cnn", str(tmp_path)))(chosen["settings"], Shape(*SHAPE, outputs=2))
    parameters = draw_parameters(network, [1, 2, 3])
    assert not torch.equal(parameters["convolution.weight"][0], parameters["convolution.weight"][1])
    parameters |= {name: own.expand(3, *own.shape).clone() for name, own in network.named_buffers()}
    stack = Stack(network, parameters, (), training_settings(chosen))
    inputs = {"static": torch.randn(3, 5, 24), "sequence": torch.randn(3, 5, 8, 2)}
    outputs = stack(inputs)
    assert outputs.shape == (3, 5, 1, 2)
    for member in range(3):
        own, alone = (
            {name: value[member : member + 1] for name, value in part.items()} for part in (parameters, inputs)
        )
        torch.testing.assert_close(outputs[member], run_alone(network, own, alone)[0])
    stack.step(outputs.square().mean((1, 2, 3)), [True, False, True], [0.0] * 3)
    moved = [
        not torch.equal(stack.weights_of(member)["convolution.weight"], parameters["convolution.weight"][member])
        for member in range(3)
    ]
    assert moved == [True, False, True]


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="no model 'gru'.*lstm.*mlp"):
        network_of("gru")
