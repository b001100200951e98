"""Members of one network side by side: stacked parameters, with one optimiser that moves each member on its own.

What is trained lies in one block [member, number]: a parameter is a view [member, ...] of its columns, as batched
products want it, and a member is a row, which PyTorch's optimisers take as one tensor with its own step count. A member
without a gradient does not move. Members that have stopped leave the computation. On a processor a member's numbers do
not depend, to the bit, on who is trained beside it, so that nothing of a held-out station reaches the member that is
tested on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from loam.training.device_inputs import WHOLE, Inputs
from loam.training.optimisers import Optimiser, decays, l2_factors
from loam.training.training_settings import TrainingSettings

ALIGNED = 16  # numbers; products of matrices that lie differently in memory can differ in the last bit


def run_members(network: nn.Module, parameters: Mapping[str, Tensor], inputs: Inputs) -> Tensor:
    """Outputs [member, row, step, output] of all members, each on rows of its own.

    Args:
        network: the members' network.
        parameters: and buffers, by name, [member, ...].
        inputs: by name, [member, row, ...].
    """

    def run(parameters: dict[str, Tensor], inputs: dict[str, Tensor]) -> Tensor:
        return functional_call(network, parameters, (inputs,))

    return vmap(run)(dict(parameters), dict(inputs))


def run_alone(network: nn.Module, parameters: Mapping[str, Tensor], inputs: Inputs) -> Tensor:
    """``run_members`` for one member: the same within rounding, without the cost of ``vmap``."""
    only, own = ({name: tensor.squeeze(0) for name, tensor in part.items()} for part in (parameters, inputs))
    return functional_call(network, only, (own,)).unsqueeze(0)


def run_each(network: nn.Module, parameters: Mapping[str, Tensor], inputs: Inputs) -> Tensor:
    """``run_members``, one after the other: for modules that ``vmap`` has no rule for."""
    own = (
        [{name: tensor[place : place + 1] for name, tensor in part.items()} for part in (parameters, inputs)]
        for place in range(len(next(iter(inputs.values()))))
    )
    return torch.cat([run_alone(network, *parts) for parts in own])


class Stack:
    """Members of one network in training.

    Args:
        network: the members' network, a copy that is theirs.
        start: parameters to start from, by name, [member, ...].
        frozen: names of the parameters and buffers that stay as they are.
        settings: how they are trained.
        alone: one member that is trained without others, and without the cost of ``vmap``.
    """

    whole = WHOLE  # batches are filled up to a multiple of so many rows
    least = 1  # real rows that a batch needs
    draws_inside = False

    def __init__(
        self,
        network: nn.Module,
        start: Mapping[str, Tensor],
        frozen: Collection[str],
        settings: TrainingSettings,
        *,
        alone: bool = False,
    ) -> None:
        self._network, self._alone = network, alone
        names = {name for name, _ in network.named_parameters()}
        trained = {name: tensor.detach() for name, tensor in start.items() if name in names - set(frozen)}
        self._fixed = {name: tensor.detach().clone() for name, tensor in start.items() if name in frozen}
        self._buffers = {name: tensor.detach().clone() for name, tensor in start.items() if name not in names}
        self._buffers = {name: tensor for name, tensor in self._buffers.items() if name not in frozen}
        self._shapes = {name: tensor.shape[1:] for name, tensor in trained.items()}
        self._lay_out(_join(trained.values()))
        factors = l2_factors(settings.l2, list(trained)) if settings.l2 else {}
        self._l2 = _join(torch.full_like(part[:1], factors.get(name, 0.0)) for name, part in trained.items())
        self._has_l2 = bool(factors)
        self._decay, self._pull = settings.decay, settings.anchor
        self._is_weight = _join(
            torch.full_like(part[:1], float(decays(name, part.dim() - 1))) for name, part in trained.items()
        )
        self._start = self._block.clone() if settings.anchor else None
        self._optimiser = Optimiser(settings, [[member] for member in self._members])

    def __call__(self, inputs: Inputs) -> Tensor:
        """Outputs [member, row, step, output] in training."""
        return self._run(inputs, training=True)

    @torch.no_grad()
    def predict(self, inputs: Inputs) -> Tensor:
        """Outputs [member, row, step, output] outside training."""
        return self._run(inputs, training=False)

    def step(self, losses: Tensor, moves: Sequence[bool], epochs: Sequence[float]) -> None:
        """Move each member that ``moves`` by the gradient of its own loss in ``losses`` [member].

        ``epochs``: how many each has behind it, with the part of the one under way.
        """
        # a member's parameters have part in its own loss only, so the sum's gradient is each one's own
        parameters = list(self._trained.values())
        found = torch.autograd.grad(losses.sum(), parameters, allow_unused=True)
        gradients = _join(
            torch.zeros_like(own) if gradient is None else gradient
            for own, gradient in zip(parameters, found, strict=True)
        )
        if self._has_l2:
            gradients = gradients + self._l2 * self._block
        for member, gradient, move in zip(self._members, gradients, moves, strict=True):
            member.grad = gradient if move else None
        self._optimiser.step(epochs)
        if self._decay or self._pull:
            self._draw_back(moves, epochs)

    @torch.no_grad()
    def _draw_back(self, moves: Sequence[bool], epochs: Sequence[float]) -> None:
        """Move weights towards 0, and all parameters towards where they began, by the rate of each member."""
        rates = [self._optimiser.rate(epoch) if move else 0.0 for epoch, move in zip(epochs, moves, strict=True)]
        rate = torch.tensor(rates, dtype=self._block.dtype, device=self._block.device).unsqueeze(1)
        if self._start is not None:
            self._block.sub_(rate * self._pull * (self._block - self._start))
        if self._decay:
            self._block.mul_(1 - rate * self._decay * self._is_weight)

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the members at ``places`` only."""
        self._fixed, self._buffers = (
            {name: tensor[places] for name, tensor in part.items()} for part in (self._fixed, self._buffers)
        )
        self._lay_out(self._block[places])
        self._start = self._start[places] if self._start is not None else None
        self._optimiser.keep(places, [[member] for member in self._members])

    def weights_of(self, place: int) -> dict[str, Tensor]:
        """What training changes, by name, of the member at ``place``; it changes with the next step."""
        return {name: tensor[place] for name, tensor in {**self._trained, **self._buffers}.items()}

    def state(self) -> dict[str, Any]:
        """All that ``restore`` needs to go on from here."""
        return {"block": self._block, "buffers": self._buffers, "optimiser": self._optimiser.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state`` of the same members."""
        self._block.copy_(state["block"])
        for name, tensor in state["buffers"].items():
            self._buffers[name].copy_(tensor)
        self._optimiser.restore(state["optimiser"])

    def _run(self, inputs: Inputs, *, training: bool) -> Tensor:
        if self._network.training is not training:
            self._network.train(training)
        parameters = {**self._trained, **self._fixed, **self._buffers}
        if self._alone:
            return run_alone(self._network, parameters, inputs)
        if len(self._members) > 1:
            return run_members(self._network, parameters, inputs)
        # the last of several: a batch of one product can be rounded differently, so it goes on in a batch of two
        twice = {name: tensor.expand(2, *tensor.shape[1:]) for name, tensor in parameters.items()}
        twice |= {name: tensor.repeat(2, *(1 for _ in tensor.shape[1:])) for name, tensor in self._buffers.items()}
        both = run_members(
            self._network, twice, {name: part.expand(2, *part.shape[1:]) for name, part in inputs.items()}
        )
        for name, tensor in self._buffers.items():
            tensor.copy_(twice[name][:1])
        return both[:1]

    def _lay_out(self, block: Tensor) -> None:
        self._block = block
        self._members = [row.detach().requires_grad_() for row in block]
        parts = block.detach().split([_aligned(shape.numel()) for shape in self._shapes.values()], 1)
        self._trained = {
            name: part[:, : shape.numel()].unflatten(1, shape).requires_grad_()
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }


def _join(tensors: Iterable[Tensor]) -> Tensor:
    """One block [member, number] of tensors [member, ...], each filled up with zeros to an aligned width."""
    parts = [tensor.flatten(1) for tensor in tensors]
    filled = [
        piece for part in parts for piece in (part, part.new_zeros(len(part), _aligned(part.shape[1]) - part.shape[1]))
    ]
    return torch.cat(filled, 1)


def _aligned(width: int) -> int:
    return -(-width // ALIGNED) * ALIGNED
