"""What makes a map, opened: the members of a network, or a rival that is fitted by the job itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loam.covariates.features import FeatureSet
from loam.io.tables import read_table
from loam.mapping.engine import Engine
from loam.mapping.rival_map import RivalEngine
from loam.plugins import load
from loam.training.card import load_members
from loam.training.device import use_device


def open_system(
    system: Mapping[str, Any], paths: Mapping[str, Any], values: Mapping[str, Any], features: FeatureSet
) -> tuple[Engine | RivalEngine, list[Path]]:
    """What ``map_day`` asks for moisture, and the files that it was made from.

    Args:
        system: one of ``values["systems"]`` (``loam.config.mapped.map_systems``).
        paths: ``weights`` and ``card``, one of each network among the systems in their order; ``learned_source`` and
            ``learned_target``, samples that a rival is fitted to.
        values: ``systems``, ``layers``, ``training.device``, ``seed``, ``threads``.
        features: what the system reads.

    Raises:
        TableError: the members read other features or layers, or a layer was observed nowhere.
    """
    layers = [layer["name"] for layer in values["layers"]]
    if system["rival"]:
        source = paths["learned_source"] if system["scenario"] == "both" else None
        make, read = load(system["plugin"]), [path for path in (paths["learned_target"], source) if path]
        engine = RivalEngine(
            system["model"], lambda: make(values["seed"]), read_table(source) if source else None,
            read_table(paths["learned_target"]), features, layers, values["threads"],
        )  # fmt: skip
        return engine, read
    place = [other for other in values["systems"] if not other["rival"]].index(system)
    weights, card = paths["weights"][place], paths["card"][place]
    members = load_members(weights, card, system["plugin"])
    members.check(features.columns, layers)
    device = use_device(values["training"]["device"], 1)  # tiles are computed side by side, each by one thread
    return Engine(members, device), [weights, card]
