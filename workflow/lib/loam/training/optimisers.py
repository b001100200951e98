"""Optimisers of members: PyTorch's, with a learning rate, a bound on the gradient and L2 of each member's own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor

from loam.errors import ConfigError
from loam.training.schedules import factor_of
from loam.training.training_settings import TrainingSettings


def without_compiler(kind: Any) -> Any:
    """An optimiser of PyTorch less what tells its compiler to keep away: that imports the compiler, for seconds of each
    job, and nothing is compiled here.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "step")}
    return type(kind.__name__, (kind,), {name: torch.no_grad()(method) for name, method in methods.items()})


KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "adam": (without_compiler(torch.optim.Adam), {"fused": True}),
    "adamw": (without_compiler(torch.optim.AdamW), {"fused": True}),
    "adadelta": (without_compiler(torch.optim.Adadelta), {"foreach": True}),
}


class Optimiser:
    """One optimiser for several members, each a list of tensors that have a gradient when the member moves.

    Args:
        settings: how to train.
        members: the tensors of each.
    """

    def __init__(self, settings: TrainingSettings, members: Sequence[Sequence[Tensor]]) -> None:
        self._settings, self._members = settings, [list(member) for member in members]
        kind, more = KINDS[settings.optimiser]
        self._constant = settings.schedule["name"] == "constant"
        self._alike = self._constant or settings.batch is not None  # epochs of as many steps: one rate for all
        if settings.optimiser != "adadelta":
            more = {**more, "betas": tuple(settings.betas)}
        self._optimiser = kind(self._groups(), lr=settings.learning_rate, **more)

    def step(self, epochs: Sequence[float]) -> None:
        """Move every member whose tensors have a gradient; ``epochs``: how many each has behind it."""
        if self._settings.clip is not None:
            for member in self._members:
                torch.nn.utils.clip_grad_norm_(member, self._settings.clip)
        if not self._constant:
            rates = [self.rate(epoch) for epoch in (epochs[:1] if self._alike else epochs)]
            for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
                group["lr"] = rate
        self._optimiser.step()

    def rate(self, epoch: float) -> float:
        """The learning rate with ``epoch`` epochs behind."""
        return self._settings.learning_rate * factor_of(self._settings.schedule, epoch, self._settings.length)

    def keep(self, places: Sequence[int], members: Sequence[Sequence[Tensor]]) -> None:
        """Go on with the members at ``places``, whose tensors are now ``members``."""
        states = [[self._optimiser.state.get(tensor) for tensor in self._members[place]] for place in places]
        self._members = [list(member) for member in members]
        self._optimiser.state.clear()
        for member, own in zip(self._members, states, strict=True):
            self._optimiser.state.update(
                (tensor, state) for tensor, state in zip(member, own, strict=True) if state is not None
            )
        first = self._optimiser.param_groups[0]
        self._optimiser.param_groups = [{**first, **group} for group in self._groups()]

    def state(self) -> list[list[dict[str, Any]]]:
        """What the optimiser keeps of each tensor of each member."""
        return [[dict(self._optimiser.state.get(tensor, {})) for tensor in member] for member in self._members]

    def restore(self, state: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Go on from a ``state`` of the same members."""
        for member, own in zip(self._members, state, strict=True):
            self._optimiser.state.update((tensor, dict(kept)) for tensor, kept in zip(member, own, strict=True) if kept)

    def _groups(self) -> list[dict[str, Any]]:
        if self._alike:
            return [{"params": [tensor for member in self._members for tensor in member]}]
        return [{"params": member} for member in self._members]


def decays(name: str, dimensions: int) -> bool:
    """Whether a parameter of a member, with so many dimensions, is a weight that decays: biases and norms do not."""
    return dimensions > 1 and name.rpartition(".")[2] != "bias"


def l2_factors(l2: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Twice the factor of each parameter's squares: what its gradient gets of the parameter itself.

    Raises:
        ConfigError: a pattern is the name of no parameter that is trained.
    """
    found: dict[str, float] = {}
    for pattern, factor in l2.items():
        own = [name for name in names if fnmatch(name, pattern)]
        if not own:
            raise ConfigError(
                f"no parameter is named '{pattern}'", where="config key 'training.<model>.l2'",
                expected=f"a pattern of {', '.join(names)}",
            )  # fmt: skip
        found |= dict.fromkeys(own, 2 * factor)
    return found
