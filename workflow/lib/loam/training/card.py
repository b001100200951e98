"""What is known about trained members, and the way back from files to networks.

``weights.safetensors`` holds every parameter and buffer stacked over the folds, [fold, ...]; those of a family of
networks behind the network's name and a slash. ``card.json`` beside it says how to read them and where they come from:

    model, scenario, protocol (null: source), layers, features (columns, in the network's order), shape (static
    features and extras, steps, variables), patch (steps, pixels a side, bands; where it reads any), extras (inputs
    behind the features), neighbours (how the other probes weigh), network (its settings), family (values of settings,
    each combination a network), seeds (networks of each combination), training (its settings), rows (all: what would
    validate trained too), scaler (standard, limits, log_skewed), frozen (parameters that were not trained), scaling
    (whose rows),
    data (SHA-256 of the samples that were read, by domain), seed, device, versions,
    range (minimum and maximum of each feature, least and greatest total of each class covariate's columns, over all
        rows that any member has learned from: source, its training rows; target, those of all folds, so that a
        station held out in one fold counts by the others; transfer, those of all folds and the pretrained network's.
        One box for the model, because its map is the mean over all members: outside it no member has been),
    members, one a fold and network, all folds of the first network first:
        network (its name in the family), fold (0: source), size and draw of the fold, training_rows, validation_rows,
        test_rows, days (of each role, training, validation and test: the stations, and of each station first and last
            day of its spans of rows in that role), seed,
        scaler (mean and std of each feature, and medians where logarithms are taken), unit (standard deviation of the
            moisture that it trains on, of each layer), level_weight (where REML gives it), best_epoch,
            best_validation_loss, epochs
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from loam.config.models import model_names, network_of
from loam.errors import NONSENSE, ConfigError, TableError, naming
from loam.io.atomic import atomic_path, write_text
from loam.training.networks import NO_PATCH, build_networks, names_of
from loam.training.scaling import Scaler


@dataclass(frozen=True)
class Members:
    """Trained members of one model: every network of its family, of every fold.

    Args:
        networks: one a combination of settings; their own weights are of no meaning.
        parameters: and buffers of each network, by name, [fold, ...].
        scaler: of each fold; order of ``card["features"]``.
        card: what is known about them.
    """

    networks: list[nn.Module]
    parameters: list[dict[str, Tensor]]
    scaler: Scaler
    card: dict[str, Any]

    def __len__(self) -> int:
        return len(self.scaler.mean) * len(self.networks)

    def network_of(self, place: int) -> tuple[nn.Module, int]:
        """The network of the member at ``place``, with its weights, and the place of its fold's scaler."""
        number, fold = divmod(place, len(self.scaler.mean))
        network = copy.deepcopy(self.networks[number])
        network.load_state_dict({name: tensor[fold] for name, tensor in self.parameters[number].items()})
        return network.eval().requires_grad_(False), fold

    def check(self, features: list[str], layers: list[str]) -> None:
        """Raise a ConfigError unless the members read ``features`` and predict ``layers``, in this order."""
        for what, trained, wanted in (
            ("features", self.card["features"], features),
            ("layers", self.card["layers"], layers),
        ):
            if trained != wanted:
                difference = sorted(set(trained) ^ set(wanted)) or ["the order"]
                raise ConfigError(
                    f"the {what} are not those of this run; they differ in {', '.join(difference)}",
                    where=f"card of {self.card['model']} {self.card['scenario']}",
                    expected=f"{len(wanted)} {what}: {', '.join(wanted)}", fix="rerun its training",
                )  # fmt: skip


def load_members(weights: str | Path, card: str | Path, plugin: str | None = None) -> Members:
    """Read members from their two files.

    Args:
        weights: ``weights.safetensors``.
        card: ``card.json``.
        plugin: where the model's network stands; None: loam's of the card's name.

    Raises:
        TableError: a file cannot be read, the two do not belong together, or a scaler, the range or a parameter holds
            what is no number.
    """
    again = "rerun the training"
    with naming(TableError, "cannot be read", where=card, fix=again):
        content = json.loads(Path(card).read_text(encoding="utf-8"))
    try:
        tensors = load_file(weights)
    except (SafetensorError, *NONSENSE) as error:
        raise TableError(f"cannot be read ({error})", where=weights, fix=again) from error
    with naming(TableError, "is no card of a network", where=card, fix=again):
        if plugin is None and content["model"] not in (known := model_names()):
            raise TableError(f"no network '{content['model']}'", where=card, expected=f"one of {known}")
        plugin = plugin or network_of(content["model"])
        _check_shapes(content, tensors, weights, card, plugin)
        check_numbers(content, card)
        networks = _networks_of(content, plugin)
        folds = _folds_of(content)
        scaler = Scaler.of_card([member["scaler"] for member in content["members"][:folds]])
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise TableError(f"parameter {name} is not finite", where=weights, fix=again)
    parameters = [
        {name: tensors[key] for name, key in _keys(network, label).items()}
        for network, label in zip(networks, _names(content), strict=True)
    ]
    return Members(networks, parameters, scaler, content)


def _names(content: Mapping[str, Any]) -> list[str]:
    return names_of(content["family"], content.get("seeds", 1))


def _networks_of(content: Mapping[str, Any], plugin: str) -> list[nn.Module]:
    return build_networks(
        plugin, content["network"], content["family"], content["shape"],
        len(content["layers"]), content["training"]["loss"], content.get("patch", NO_PATCH), content.get("seeds", 1),
    )  # fmt: skip


def _folds_of(content: Mapping[str, Any]) -> int:
    folds, rest = divmod(len(content["members"]), len(_names(content)))
    if rest:
        raise ValueError(f"{len(content['members'])} members of {len(names_of(content['family']))} networks")
    return folds


def _keys(network: nn.Module, label: str) -> dict[str, str]:
    """Names in the file of a network's parameters and buffers."""
    return {name: f"{label}/{name}" if label else name for name in network.state_dict()}


def _check_shapes(
    content: Mapping[str, Any], tensors: Mapping[str, Tensor], weights: str | Path, card: str | Path,
    plugin: str,
) -> None:  # fmt: skip
    """Raise a TableError where the weights are not those of the card's networks, which take no memory here."""
    with torch.device("meta"):
        networks = _networks_of(content, plugin)
    shapes = {
        key: (_folds_of(content), *network.state_dict()[name].shape)
        for network, label in zip(networks, _names(content), strict=True)
        for name, key in _keys(network, label).items()
    }
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if shapes != found:
        name = sorted(name for name in {*shapes, *found} if shapes.get(name) != found.get(name))[0]
        raise TableError(
            f"parameter {name} has shape {found.get(name)}", where=weights,
            expected=f"{shapes.get(name)}, as {card} says", fix="rerun the training",
        )  # fmt: skip


def check_numbers(content: Mapping[str, Any], where: object) -> None:
    """Raise a TableError where a card's scalers or its range hold anything but numbers in their order.

    Every feature has a finite mean, a finite standard deviation above 0, and a minimum that is not above its maximum;
    each class covariate has such limits too. A card without a range passes: ``loam.training.ranges`` asks for it.
    """
    with naming(TableError, "is no card of a network", where=where, fix="rerun the training"):
        _check_numbers(content, where)


def _check_numbers(content: Mapping[str, Any], where: object) -> None:
    features = content["features"]
    for number, member in enumerate(content["members"]):
        scaler, fold = member["scaler"], member.get("fold", number)
        for key, fits in (("mean", math.isfinite), ("std", lambda value: math.isfinite(value) and value > 0)):
            _check_each(scaler[key], features, fits, f"scaler.{key} of fold {fold}", where)
        if "median" in scaler:
            medians = [1.0 if value is None else value for value in scaler["median"]]
            _check_each(medians, features, lambda value: 0 < value < math.inf, f"scaler.median of fold {fold}", where)
    if "range" in content:
        held = content["range"]
        for key in ("minimum", "maximum"):
            _check_each(held[key], features, math.isfinite, f"range.{key}", where)
        limits = dict(zip(features, zip(held["minimum"], held["maximum"], strict=True), strict=True))
        limits |= {f"classes.{name}": tuple(pair) for name, pair in held["classes"].items()}
        for name, (low, high) in limits.items():
            if not low <= high or not math.isfinite(low) or not math.isfinite(high):
                _refuse(f"range of {name} is {low} to {high}", where)


def _check_each(
    values: Sequence[Any], features: Sequence[str], fits: Callable[[float], bool], what: str, where: object
) -> None:
    if len(values) != len(features):
        _refuse(f"{what} has {len(values)} values for {len(features)} features", where)
    for name, value in zip(features, values, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
            _refuse(f"{what}, feature {name}, is {value}", where)


def _refuse(what: str, where: object) -> None:
    raise TableError(
        what, where=where, expected="finite numbers; standard deviations above 0, minimum not above maximum",
        fix="rerun the training",
    )  # fmt: skip


def write_members(
    parameters: Sequence[Mapping[str, Tensor]], content: Mapping[str, Any], weights: str | Path, card: str | Path
) -> None:
    """Write the parameters [fold, ...] of each network and the card; each file appears whole or not at all."""
    tensors = {
        f"{label}/{name}" if label else name: tensor.contiguous()
        for own, label in zip(parameters, _names(content), strict=True)
        for name, tensor in own.items()
    }
    with atomic_path(weights) as temporary:
        temporary.write_bytes(save(tensors))
    write_text(json.dumps(content, indent=1, allow_nan=False), card)
