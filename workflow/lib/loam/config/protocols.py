"""Protocols by their names: who is held out from whom. Read when the workflow is parsed, without importing one.

A protocol is a function of a ``Record`` and of its settings that yields ``Fold``s (``loam.protocols.fold``): one of
loam's, below, or the function of the same name in ``<training.protocol_path>/<name>.py``, which comes before loam's.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loam.config.wrong import nearest
from loam.errors import ConfigError

PROTOCOLS = {
    "leave_one_station_out": "loam.protocols.stations:leave_one_station_out",
    "leave_group_out": "loam.protocols.places:leave_group_out",
    "k_fold": "loam.protocols.stations:k_fold",
    "temporal": "loam.protocols.times:temporal",
    "station_and_period": "loam.protocols.times:station_and_period",
    "random_rows": "loam.protocols.times:random_rows",
    "few_shot": "loam.protocols.stations:few_shot",
    "regional_boxes": "loam.protocols.places:regional_boxes",
    "buffered": "loam.protocols.places:buffered",
    "knndm": "loam.protocols.nearest:knndm",
    "nested": "loam.protocols.stations:nested",
}
LEAVE_ONE_OUT, NESTED = "leave_one_station_out", "nested"
FLATTERS = {"random_rows": "rows of the same probe, and of the days before and after, are on both sides"}
SOURCE = "source"  # where the networks of the source domain stand, in the place of a protocol: they are trained once
ALL = "all"  # where networks trained on every target station stand: for the map alone, as none of them can be scored
OF_MAP = {ALL: "loam.protocols.stations:every_station"}
TAKEN = {SOURCE: "the source domain", ALL: "every station, for the map"}


def protocol_of(name: str, folder: str | None = None) -> str:
    """Where a protocol's function stands, for ``loam.plugins.load``.

    Args:
        name: of the protocol.
        folder: of the user's own, ``training.protocol_path``.

    Raises:
        ConfigError: no such protocol, or its file has no function of its name.
    """
    path = Path(folder or "") / f"{name}.py"
    if folder and path.is_file():
        _check_file(path)
        return f"{path}:{name}"
    if name not in PROTOCOLS:
        known = protocol_names(folder)
        raise ConfigError(
            f"no protocol '{name}'", where="config key 'training.protocols'", expected=f"one of {', '.join(known)}",
            fix=nearest(name, known),
        )  # fmt: skip
    return PROTOCOLS[name]


def protocol_names(folder: str | None = None) -> list[str]:
    """Names of the protocols that there are: loam's, and those in ``folder``."""
    own = [path.stem for path in Path(folder).glob("*.py") if path.stem != "__init__"] if folder else []
    return sorted({*PROTOCOLS, *own})


def choose_protocols(config: dict[str, Any]) -> None:
    """Check the chosen protocols and put settings beside each, {} where it has none. Changes ``config`` in place.

    Raises:
        ConfigError: no such protocol, settings of none, or settings that lack something.
    """
    training = config["training"]
    settings, known = training["protocol_settings"], protocol_names(training["protocol_path"])
    for name in settings:
        if name not in known:
            raise ConfigError(
                "unknown key", where=f"config key 'training.protocol_settings.{name}'",
                expected=f"one of {', '.join(known)}", fix=nearest(name, known),
            )  # fmt: skip
    for name in training["protocols"]:
        if name in TAKEN:
            raise ConfigError(
                f"'{name}' is the place of what is trained on {TAKEN[name]}",
                where="config key 'training.protocols'", fix="call the protocol something else",
            )  # fmt: skip
        protocol_of(name, training["protocol_path"])
        settings.setdefault(name, {})
    first = default_protocol(config)
    if config["mapping"]["dates"] and first in ("few_shot", NESTED) and config["mapping"]["members"] != ALL:
        raise ConfigError(
            f"{first} makes no map: its networks have learned from other stations in each draw",
            where="config key 'training.protocols'",
            fix="name another protocol first, whose networks make the map, or set mapping.members to all",
        )  # fmt: skip
    if "leave_group_out" in training["protocols"]:
        _check_group(settings["leave_group_out"]["group"], config["samples"]["groups"])
    if "regional_boxes" in training["protocols"] and not settings["regional_boxes"]["boxes"]:
        raise ConfigError(
            "no box", where="config key 'training.protocol_settings.regional_boxes.boxes'",
            expected="{north: [144.0, -41.0, 149.0, -39.0]}: west, south, east, north of each box, in degrees",
        )  # fmt: skip


def default_protocol(config: Mapping[str, Any]) -> str:
    """The protocol whose results are shown, and whose members make the map, where there is place for one."""
    return config["training"]["protocols"][0]


def map_protocol(config: Mapping[str, Any]) -> str:
    """The protocol whose members make the map."""
    return ALL if config["mapping"]["members"] == ALL else default_protocol(config)


def folds_of_all(config: Mapping[str, Any]) -> dict[str, int]:
    """Settings of the protocol ``all``: as many folds as give ``mapping.seeds`` networks or just above."""
    mapping, training = config["mapping"], config["training"]
    models = [mapping["model"]] if mapping["model"] in training else training["models"]
    return {"folds": -(-mapping["seeds"] // min(training[model]["seeds"] for model in models))}


def told(protocol: str) -> str:
    """A protocol's name, marked where it flatters."""
    return f"{protocol} (flatters)" if protocol in FLATTERS else protocol


def _check_group(group: str | None, groups: Sequence[str]) -> None:
    if group not in groups:
        raise ConfigError(
            f"'{group}' is no group of the samples" if group else "no group is named",
            where="config key 'training.protocol_settings.leave_group_out.group'",
            expected=f"one of samples.groups: {', '.join(groups) or 'which names none'}",
            fix=nearest(group, groups) if group and groups else "name its column in samples.groups too",
        )  # fmt: skip


def _check_file(path: Path) -> None:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError) as error:
        raise ConfigError(f"cannot be read as a protocol ({error})", where=path) from None
    if not any(isinstance(node, ast.FunctionDef) and node.name == path.stem for node in tree.body):
        raise ConfigError(f"has no function {path.stem}", where=path, fix="see docs/how-to/add-a-protocol.md")


def trained(protocol: str, model: str, scenario: str) -> str:
    """Folder of the members of a model, under results/<run>/; those of the source domain are of no protocol."""
    return f"models/{SOURCE}/{model}" if scenario == "source" else f"models/{protocol}/{model}/{scenario}"


def members_file(name: str, wildcards: Any) -> str:
    """A file of the members that predict what a protocol tests.

    Args:
        name: of the file.
        wildcards: run, protocol, model and scenario.
    """
    return f"results/{wildcards.run}/{trained(wildcards.protocol, wildcards.model, wildcards.scenario)}/{name}"
