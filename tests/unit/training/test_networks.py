"""Networks have the published shapes, and their parts make the whole."""

from __future__ import annotations

import re
import textwrap

import pytest
import torch

from loam.errors import ConfigError
from loam.training.networks import build_network, draw_parameters
from loam.training.stack import Stack, run_alone

PUBLISHED = {
    "mlp": {"hidden": [128, 64, 32, 16], "frozen": 3, "output": "logistic"},
    "lstm": {"units": 64, "dense": 100, "hidden": [128, 64, 32, 16], "frozen": 3, "output": "logistic"},
}
SHAPE = (24, 8, 2)
MODELS = pytest.mark.parametrize("model", ["mlp", "lstm"])


def a_network(model):
    network = build_network(model, PUBLISHED[model], SHAPE, 2)
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
    assert sum(parameter.numel() for parameter in a_network(model).parameters()) == first + rest


@MODELS
def test_one_output_a_layer_and_none_beyond(model):
    network = a_network(model)
    assert network(torch.randn(5, 24), torch.randn(5, 8, 2)).shape == (5, 2)


@MODELS
def test_the_parts_that_read_cell_and_pixel_make_the_whole(model):
    network = a_network(model).double()
    static, sequence = torch.randn(9, 24).double(), torch.randn(3, 8, 2).double()
    cell = torch.tensor([0, 0, 1, 2, 2, 2, 1, 0, 1])
    of_cells = network.read_encoded(network.encode(sequence))
    parts = network.finish(of_cells[cell] + network.read_static(static))
    torch.testing.assert_close(parts, network(static, sequence[cell]), rtol=0, atol=1e-12)


def test_mlp_reads_a_run_without_a_sequence():
    network = build_network("mlp", PUBLISHED["mlp"], (7, 0, 0), 1)
    assert network(torch.randn(4, 7), torch.randn(4, 0, 0)).shape == (4, 1)


@MODELS
def test_frozen_are_the_first_hidden_layers_after_the_encoder(model):
    network = a_network(model)
    shapes = {name: tuple(network.state_dict()[name].shape) for name in network.frozen_parameters(3)}
    assert [shape for name, shape in shapes.items() if name.endswith("weight")][1:] == [(64, 128), (32, 64)]
    assert not any(name.startswith("encoder") for name in shapes)


def test_dense_layers_begin_with_glorot_weights_and_no_bias():
    network = a_network("mlp")
    weight, limit = network.hidden[1].weight, (6 / (128 + 64)) ** 0.5
    assert 0.98 * limit < weight.abs().max() <= limit
    assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.05)
    assert all((layer.bias == 0).all() for layer in [*network.hidden, network.output])


@MODELS
def test_a_seed_draws_a_member_s_weights_whoever_else_is_drawn(model):
    network = a_network(model)
    together, alone = draw_parameters(network, [4, 5]), draw_parameters(network, [5])
    for name, value in together.items():
        assert torch.equal(value[1], alone[name][0])
    assert not torch.equal(together["hidden.0.weight"][0], together["hidden.0.weight"][1])


def test_the_network_of_the_how_to_trains_beside_others(project):
    page = (project / "docs" / "how-to" / "add-a-model.md").read_text(encoding="utf-8")
    code = textwrap.dedent(re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1))
    exec(compile(code.replace("from __future__ import annotations", ""), "add-a-model.md", "exec"), names := {})
    network = names["build_cnn"]({"filters": 16, "hidden": [32, 16], "output": "linear"}, SHAPE, 2)
    parameters = draw_parameters(network, [1, 2, 3])
    assert not torch.equal(parameters["encoder.convolution.weight"][0], parameters["encoder.convolution.weight"][1])
    stack = Stack(network, parameters, (), 0.1)
    static, sequence = torch.randn(3, 5, 24), torch.randn(3, 5, 8, 2)
    outputs = stack(static, sequence)
    for member in range(3):
        own = {name: value[member : member + 1] for name, value in parameters.items()}
        alone = run_alone(network, own, static[member : member + 1], sequence[member : member + 1])
        torch.testing.assert_close(outputs[member], alone[0])
    stack.step(outputs.square().mean((1, 2)), [True, False, True])
    moved = [
        not torch.equal(
            stack.trained_of(member)["encoder.convolution.weight"], parameters["encoder.convolution.weight"][member]
        )
        for member in range(3)
    ]
    assert moved == [True, False, True]


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="no network 'gru'.*mlp.*lstm"):
        build_network("gru", {}, SHAPE, 2)
