"""Parameters of many members of one network, stacked, with one Adam (Kingma & Ba 2015) that moves each on its own.

What is trained lies in one block [member, number]: a parameter is a view [member, ...] of its columns, as batched
products want it, and a member is a row, which PyTorch's fused Adam takes as one tensor with its own step count. A
member without a gradient does not move.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from loam.training.dense import DenseNetwork

ALIGNED = 16  # numbers; products of matrices that lie differently in memory can differ in the last bit


def run_members(network: DenseNetwork, parameters: Mapping[str, Tensor], static: Tensor, sequence: Tensor) -> Tensor:
    """Outputs [member, row, layer] of all members, each on rows of its own.

    Args:
        network: the members' network.
        parameters: by name, [member, ...].
        static: [member, row, feature], scaled.
        sequence: [member, row, step, variable], scaled.
    """

    def run(parameters: dict[str, Tensor], static: Tensor, sequence: Tensor) -> Tensor:
        return functional_call(network, parameters, (static, sequence))

    return vmap(run)(dict(parameters), static, sequence)


def run_alone(network: DenseNetwork, parameters: Mapping[str, Tensor], static: Tensor, sequence: Tensor) -> Tensor:
    """``run_members`` for one member: the same within rounding, without the cost of ``vmap``."""
    only = {name: tensor.squeeze(0) for name, tensor in parameters.items()}
    return functional_call(network, only, (static.squeeze(0), sequence.squeeze(0))).unsqueeze(0)


class Stack:
    """Members of one network in training.

    Args:
        network: the members' network.
        start: parameters to start from, by name, [member, ...].
        frozen: names of the parameters that stay as they are.
        learning_rate: of Adam; its other constants are PyTorch's defaults, those of the authors.
        alone: one member that is trained without others, and without the cost of ``vmap``.
    """

    def __init__(
        self,
        network: DenseNetwork,
        start: Mapping[str, Tensor],
        frozen: Collection[str],
        learning_rate: float,
        *,
        alone: bool = False,
    ) -> None:
        self._network = network
        self._frozen = {name: tensor.detach().clone() for name, tensor in start.items() if name in frozen}
        trained = {name: tensor.detach() for name, tensor in start.items() if name not in frozen}
        self._shapes = {name: tensor.shape[1:] for name, tensor in trained.items()}
        self._alone = alone
        self._lay_out(_join(trained.values()))
        self._adam = torch.optim.Adam(self._members, lr=learning_rate, fused=True)

    def __call__(self, static: Tensor, sequence: Tensor) -> Tensor:
        """Outputs [member, row, layer]."""
        parameters = {**self._trained, **self._frozen}
        if self._alone:
            return run_alone(self._network, parameters, static, sequence)
        if len(self._members) > 1:
            return run_members(self._network, parameters, static, sequence)
        # the last of several: a batch of one product can be rounded differently, so it goes on in a batch of two
        twice = {name: tensor.expand(2, *tensor.shape[1:]) for name, tensor in parameters.items()}
        return run_members(self._network, twice, *(part.expand(2, *part.shape[1:]) for part in (static, sequence)))[:1]

    def step(self, losses: Tensor, moves: Sequence[bool]) -> None:
        """One step of Adam for each member that ``moves`` down the gradient of its own loss in ``losses`` [member]."""
        # a member's parameters have part in its own loss only, so the sum's gradient is each one's own
        gradients = _join(torch.autograd.grad(losses.sum(), list(self._trained.values())))
        for member, gradient, move in zip(self._members, gradients, moves, strict=True):
            member.grad = gradient if move else None
        self._adam.step()

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the members at ``places`` only."""
        states = [self._adam.state[self._members[place]] for place in places]
        self._frozen = {name: tensor[places] for name, tensor in self._frozen.items()}
        self._lay_out(self._block[places])
        self._adam.state.clear()
        self._adam.state.update(zip(self._members, states, strict=True))
        self._adam.param_groups[0]["params"] = self._members

    def trained_of(self, place: int) -> dict[str, Tensor]:
        """The trained parameters, by name, of the member at ``place``; they change with the next step."""
        return {name: tensor[place] for name, tensor in self._trained.items()}

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
