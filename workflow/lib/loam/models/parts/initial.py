"""The first weights of networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from loam.errors import ConfigError


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw new weights: Glorot uniform and zero bias for dense layers (Glorot & Bengio 2010).

    These are the defaults of Keras; the method's text names neither framework nor initialisation. A module with an
    ``initialise`` of its own draws its own weights. PyTorch's own modules with parameters (convolutions, LSTM, norms)
    draw by their own rule, under a seed from ``generator``.

    Raises:
        ConfigError: a module has parameters of its own and no way to draw them.
    """
    done: set[int] = set()
    with torch.no_grad():
        for name, module in network.named_modules():
            own = list(module.parameters(recurse=False))
            if hasattr(module, "initialise"):
                module.initialise(generator)
                done.update(map(id, module.parameters()))
            elif not own or id(own[0]) in done:
                continue
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif hasattr(module, "reset_parameters"):
                _draw_again(module, generator)
            else:
                raise ConfigError(
                    f"module '{name or type(module).__name__}' has parameters that nothing draws",
                    where=f"network {type(network).__name__}", expected="a method initialise(generator) that does",
                )  # fmt: skip
        last: Any = getattr(network, "initialise_last", None)
        if last is not None:
            last()


def draw_parameters(network: nn.Module, seeds: Sequence[int]) -> dict[str, Tensor]:
    """New weights for one member a seed: parameters by name, members first."""
    drawn = []
    for seed in seeds:
        initialise(network, torch.Generator().manual_seed(seed))
        drawn.append({name: tensor.detach().clone() for name, tensor in network.named_parameters()})
    return {name: torch.stack([parameters[name] for parameters in drawn]) for name in drawn[0]}


def _draw_again(module: nn.Module, generator: torch.Generator) -> None:
    """Weights of a module of PyTorch's, drawn by its own rule under a seed from ``generator``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        reset: Any = module.reset_parameters
        reset()
