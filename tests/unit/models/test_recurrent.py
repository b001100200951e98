"""The LSTM is PyTorch's, in outputs, states and gradients, in one direction and in two, for one member and for many."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call, vmap

from loam.models.parts.recurrent import Lstm

CLOSE = {"rtol": 0, "atol": 1e-12}
SUFFIXES = ("", "_reverse")
DIRECTIONS = pytest.mark.parametrize("directions", [1, 2])


def a_layer(seed, variables=3, units=5, directions=2, every=False):
    layer = Lstm(variables, units, directions=directions, every=every)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.initialise(generator)
        layer.bias.add_(torch.randn(layer.bias.shape, generator=generator))
    return layer.double()


def pytorch_lstm(layer):
    """PyTorch's LSTM with the same weights; one bias for two, as in Keras."""
    units, variables = layer.recurrent_weight.shape[-1], layer.input_weight.shape[-1]
    directions = len(layer.bias)
    lstm = torch.nn.LSTM(variables, units, bidirectional=directions == 2, batch_first=True).double()
    with torch.no_grad():
        for direction, suffix in enumerate(SUFFIXES[:directions]):
            getattr(lstm, f"weight_ih_l0{suffix}").copy_(layer.input_weight[direction])
            getattr(lstm, f"weight_hh_l0{suffix}").copy_(layer.recurrent_weight[direction])
            getattr(lstm, f"bias_ih_l0{suffix}").copy_(layer.bias[direction])
            getattr(lstm, f"bias_hh_l0{suffix}").zero_()
    return lstm


def last_states(lstm, sequence):
    _, (hidden, _) = lstm(sequence)
    return torch.cat(list(hidden), -1)


def gradients_of(lstm):
    return {
        name: torch.stack([
            getattr(lstm, f"{theirs}{suffix}").grad for suffix in SUFFIXES[: 1 + lstm.bidirectional]
        ])
        for name, theirs in (
            ("input_weight", "weight_ih_l0"), ("recurrent_weight", "weight_hh_l0"), ("bias", "bias_ih_l0")
        )
    }  # fmt: skip


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_outputs_and_gradients_are_those_of_pytorch(steps):
    layer = a_layer(0)
    lstm = pytorch_lstm(layer)
    ours = torch.randn(6, steps, 3, dtype=torch.float64).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    weights = torch.randn(6, 10, dtype=torch.float64)
    out, expected = layer(ours), last_states(lstm, theirs)
    torch.testing.assert_close(out, expected, **CLOSE)
    (out * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, **CLOSE)
    for name, gradient in gradients_of(lstm).items():
        torch.testing.assert_close(getattr(layer, name).grad, gradient, **CLOSE)


@DIRECTIONS
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_states_of_every_step_and_what_is_carried_on_are_those_of_pytorch(directions, steps):
    layer = a_layer(3, directions=directions, every=True)
    lstm = pytorch_lstm(layer)
    generator = torch.Generator().manual_seed(1)
    sequence, hidden, cell, first, second, third = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in [(6, steps, 3), *[(6, directions, 5)] * 2, (6, steps, directions * 5), *[(6, directions, 5)] * 2]
    )
    ours = [tensor.clone().requires_grad_() for tensor in (sequence, hidden, cell)]
    theirs = [tensor.clone().requires_grad_() for tensor in (sequence, hidden, cell)]
    out, (last, end) = layer.carry(ours[0], (ours[1], ours[2]))
    expected, (of_last, of_end) = lstm(
        theirs[0], (theirs[1].transpose(0, 1).contiguous(), theirs[2].transpose(0, 1).contiguous())
    )
    for one, other in ((out, expected), (last, of_last.transpose(0, 1)), (end, of_end.transpose(0, 1))):
        torch.testing.assert_close(one, other, **CLOSE)
    ((out * first).sum() + (last * second).sum() + (end * third).sum()).backward()
    (
        (expected * first).sum() + (of_last.transpose(0, 1) * second).sum() + (of_end.transpose(0, 1) * third).sum()
    ).backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, **CLOSE)
    for name, gradient in gradients_of(lstm).items():
        torch.testing.assert_close(getattr(layer, name).grad, gradient, **CLOSE)


def test_a_series_in_two_parts_is_the_series_in_one():
    layer = a_layer(4, directions=1, every=True)
    sequence = torch.randn(6, 9, 3, dtype=torch.float64)
    with torch.no_grad():
        whole, first = layer(sequence), layer.carry(sequence[:, :4], None)
        second, _ = layer.carry(sequence[:, 4:], first[1])
    torch.testing.assert_close(torch.cat([first[0], second], 1), whole, **CLOSE)


def test_saturated_gates_and_states_are_those_of_pytorch():
    layer = a_layer(1)
    with torch.no_grad():
        layer.bias.mul_(30)
    sequence = 20 * torch.randn(6, 8, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(sequence), last_states(pytorch_lstm(layer), sequence), **CLOSE)


def test_members_side_by_side_are_each_pytorch_s():
    layers = [a_layer(seed) for seed in range(4)]
    stacked = {
        name: torch.stack([getattr(layer, name).detach() for layer in layers]).requires_grad_()
        for name, _ in layers[0].named_parameters()
    }
    sequence = torch.randn(4, 6, 5, 3, dtype=torch.float64)
    weights = torch.randn(4, 6, 10, dtype=torch.float64)
    out = vmap(lambda parameters, own: functional_call(layers[0], parameters, (own,)))(stacked, sequence)
    (out * weights).sum().backward()
    for member, layer in enumerate(layers):
        lstm = pytorch_lstm(layer)
        expected = last_states(lstm, sequence[member])
        torch.testing.assert_close(out[member], expected, **CLOSE)
        (expected * weights[member]).sum().backward()
        for name, gradient in gradients_of(lstm).items():
            torch.testing.assert_close(stacked[name].grad[member], gradient, **CLOSE)


@DIRECTIONS
def test_members_side_by_side_carry_their_states(directions):
    layers = [a_layer(seed, directions=directions, every=True) for seed in range(3)]
    stacked = {
        name: torch.stack([getattr(layer, name).detach() for layer in layers]).requires_grad_()
        for name, _ in layers[0].named_parameters()
    }
    sequence = torch.randn(3, 6, 5, 3, dtype=torch.float64)
    state = tuple(torch.randn(3, 6, directions, 5, dtype=torch.float64) for _ in range(2))

    def carry(parameters, sequence, hidden, cell):
        return functional_call(Carried(layers[0]), {f"layer.{name}": own for name, own in parameters.items()},
                               (sequence, (hidden, cell)))  # fmt: skip

    out, (hidden, _) = vmap(carry)(stacked, sequence, *state)
    (out.square().sum() + hidden.sum()).backward()
    for member, layer in enumerate(layers):
        expected, (last, _) = layer.carry(sequence[member], tuple(part[member] for part in state))
        torch.testing.assert_close(out[member], expected, **CLOSE)
        (expected.square().sum() + last.sum()).backward()
        for name, parameter in layer.named_parameters():
            torch.testing.assert_close(stacked[name].grad[member], parameter.grad, **CLOSE)


class Carried(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, sequence, state):
        return self.layer.carry(sequence, state)


def test_members_on_one_shared_sequence():
    layers = [a_layer(seed) for seed in range(3)]
    stacked = {
        name: torch.stack([getattr(layer, name).detach() for layer in layers])
        for name in dict(layers[0].named_parameters())
    }
    sequence = torch.randn(6, 5, 3, dtype=torch.float64)
    out = vmap(lambda parameters: functional_call(layers[0], parameters, (sequence,)))(stacked)
    for member, layer in enumerate(layers):
        torch.testing.assert_close(out[member], layer(sequence), **CLOSE)


def test_without_gradients_the_outputs_are_the_same_bits():
    layer = a_layer(2).float()
    sequence = torch.randn(6, 8, 3)
    with torch.no_grad():
        silent = layer(sequence)
    assert not silent.requires_grad
    assert torch.equal(silent, layer(sequence))


def test_initialisation_is_that_of_keras():
    layer = Lstm(3, 16, directions=2)
    with torch.no_grad():
        layer.initialise(torch.Generator().manual_seed(0))
    limit = (6 / (3 + 4 * 16)) ** 0.5
    assert layer.input_weight.abs().max() <= limit
    assert layer.input_weight.abs().max() > 0.9 * limit
    for recurrent in layer.recurrent_weight.detach():
        torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(16), rtol=0, atol=1e-5)
    forget = torch.zeros(4 * 16)
    forget[16:32] = 1
    assert torch.equal(layer.bias.detach(), torch.stack([forget, forget]))
    assert not torch.equal(layer.input_weight[0], layer.input_weight[1])
