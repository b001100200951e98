"""One member in plain PyTorch: any module, with dropout and norms of PyTorch's own, cuDNN and autocast on a GPU."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from loam.training.device_inputs import Inputs
from loam.training.optimisers import Optimiser, decays, l2_factors
from loam.training.training_settings import TrainingSettings


class Plain:
    """One member in training, with the methods of ``loam.training.stacked.Stack``.

    Args:
        network: its network.
        start: parameters and buffers to start from, by name, [1, ...].
        frozen: names of the parameters and buffers that stay as they are.
        settings: how it is trained.
    """

    whole = 1  # batches are not filled up
    least = 1  # rows that a batch needs

    def __init__(
        self, network: nn.Module, start: Mapping[str, Tensor], frozen: Collection[str], settings: TrainingSettings
    ) -> None:
        example = next(iter(start.values()))
        self._network = copy.deepcopy(network).to(example.device, example.dtype)
        self._network.load_state_dict({name: tensor[0] for name, tensor in start.items()}, strict=False)
        self._still = {name: tensor[0] for name, tensor in start.items() if name in frozen}
        self._trained = {name: own for name, own in self._network.named_parameters() if name not in frozen}
        for name, own in self._network.named_parameters():
            own.requires_grad_(name not in frozen)
        self._l2 = l2_factors(settings.l2, list(self._trained)) if settings.l2 else {}
        self._optimiser = Optimiser(settings, [list(self._trained.values())])
        self._decay, self._pull = settings.decay, settings.anchor
        self._start = {name: own.detach().clone() for name, own in self._trained.items()} if settings.anchor else {}
        self._device = example.device
        self.draws_inside = draws_inside(network)
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
            self.least = 2  # PyTorch's norm has no variance of one row: such a batch is passed over

    def __call__(self, inputs: Inputs) -> Tensor:
        """Outputs [1, row, step, output] in training."""
        return self._run(inputs, training=True)

    @torch.no_grad()
    def predict(self, inputs: Inputs) -> Tensor:
        """Outputs [1, row, step, output] outside training."""
        return self._run(inputs, training=False)

    def step(self, losses: Tensor, moves: Sequence[bool], epochs: Sequence[float]) -> None:
        """As ``Stack.step``."""
        if not moves[0]:
            return
        for own in self._trained.values():
            own.grad = None
        # not autograd.grad: a fused optimiser wants gradients that lie in memory as their parameters do
        losses.sum().backward(inputs=list(self._trained.values()))
        for name, factor in self._l2.items():
            own = self._trained[name]
            if own.grad is not None:
                own.grad.add_(own.detach(), alpha=factor)
        self._optimiser.step(epochs)
        rate = self._optimiser.rate(epochs[0])
        with torch.no_grad():
            for name, start in self._start.items():
                self._trained[name].sub_(rate * self._pull * (self._trained[name] - start))
            for name, own in self._trained.items():
                if self._decay and decays(name, own.dim()):
                    own.mul_(1 - rate * self._decay)

    def keep(self, places: Sequence[int]) -> None:
        """A member goes on, or its training ends."""

    def weights_of(self, place: int) -> dict[str, Tensor]:
        """What training changes, by name; it changes with the next step."""
        buffers = dict(self._network.named_buffers())
        return {**self._trained, **{name: own for name, own in buffers.items() if name not in self._still}}

    def state(self) -> dict[str, Any]:
        """All that ``restore`` needs to go on from here."""
        return {"weights": self._network.state_dict(), "optimiser": self._optimiser.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``."""
        self._network.load_state_dict(state["weights"])
        self._optimiser.restore(state["optimiser"])

    def _run(self, inputs: Inputs, *, training: bool) -> Tensor:
        if self._network.training is not training:
            self._network.train(training)
        on_gpu = self._device.type == "cuda"
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=on_gpu):
            outputs = self._network({name: part.squeeze(0) for name, part in inputs.items()}).unsqueeze(0)
        buffers = dict(self._network.named_buffers())
        for name, still in self._still.items():
            if name in buffers:
                buffers[name].copy_(still)
        return outputs.float() if on_gpu else outputs


def draws_inside(network: nn.Module) -> bool:
    """Whether PyTorch's own modules draw random numbers in ``forward``: dropout, or recurrent layers with dropout."""
    return any(
        isinstance(module, nn.modules.dropout._DropoutNd) or (isinstance(module, nn.RNNBase) and module.dropout > 0)
        for module in network.modules()
    )
