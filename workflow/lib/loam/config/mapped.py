"""What makes a run's maps: the members of a network, a rival, or the best of all that can map. Read when parsed.

Mixed and stacked levels, and rivals that are told the probes of the day or a station's record, are scored and cannot
map: at a pixel without a probe they have no level of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loam.config.choices import default_network
from loam.config.parts import domains_of
from loam.config.protocols import default_protocol, trained
from loam.config.rivals import REGRESSORS, job_of
from loam.config.systems import conditioned
from loam.config.wrong import nearest
from loam.errors import ConfigError

BEST = "best"


def map_systems(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What may make the maps: one system, or, for ``best``, all that can map, the network that maps by default first.

    Each has ``model``, ``scenario``, ``scored`` (the model's name in tables of scores), ``plugin``, ``window``,
    ``rival`` and ``neighbours`` (whether it reads the other probes of the day).
    """
    mapping, models = config["mapping"], config["training"]["models"]
    if mapping["model"] in models:
        return [_network(config, mapping["model"])]
    if mapping["model"] in REGRESSORS:
        return [_rival(config, mapping["model"])]
    first = default_network(config)
    networks = [first, *(name for name in models if name != first)]
    rivals = [name for name in config["evaluation"]["rivals"] if name in REGRESSORS]
    return [_network(config, name) for name in networks] + [_rival(config, name) for name in rivals]


def held_out_file(config: Mapping[str, Any], system: Mapping[str, Any]) -> str:
    """The held-out predictions of a system that maps, of the first protocol; ``{run}`` is left open."""
    protocol = default_protocol(config)
    if system["rival"]:
        return f"results/{{run}}/rivals/{protocol}/{job_of(system['model'])}/predictions.parquet"
    return f"results/{{run}}/models/{protocol}/{system['scored']}/{system['scenario']}/predictions.parquet"


def members_files(systems: list[dict[str, Any]], protocol: str) -> dict[str, list[str]]:
    """``weights`` and ``card`` of the networks among ``systems``; ``{run}`` is left open."""
    folders = [trained(protocol, system["model"], system["scenario"]) for system in systems if not system["rival"]]
    files = {"weights": "weights.safetensors", "card": "card.json"}
    return {name: [f"results/{{run}}/{folder}/{file}" for folder in folders] for name, file in files.items()}


def choose_mapped(config: dict[str, Any]) -> None:
    """Settle the scenario of the map; the scenarios of each model are known. Changes ``config`` in place."""
    mapping = config["mapping"]
    if mapping["scenario"] is None and mapping["model"] in (*config["training"]["models"], *REGRESSORS):
        mapping["scenario"] = map_systems(config)[0]["scenario"]


def check_mapped(config: Mapping[str, Any]) -> None:
    """Raise a ConfigError where ``mapping`` names what the run does not train or score, or what cannot map."""
    mapping, training, scored = config["mapping"], config["training"], config["evaluation"]["rivals"]
    model, scenario = mapping["model"], mapping["scenario"]
    known = [*training["models"], *REGRESSORS, BEST]
    if model not in known:
        raise ConfigError(
            f"'{model}' is not trained in this run", where="config key 'mapping.model'",
            expected=f"one of {', '.join(known)}",
            fix=nearest(model, known) or "or add it to training.models",
        )  # fmt: skip
    if model in training["models"]:
        scenarios, more = training[model]["scenarios"], f"training.{model}.scenarios"
    else:
        scenarios, more = _scenarios_of_rivals(config), "the run's domains"
        for key in ("condition", "measurements"):
            if mapping[key]:
                raise ConfigError(
                    f"it moves the map of a network, and mapping.model is {model}", where=f"config key 'mapping.{key}'",
                    expected=f"mapping.model: one of {', '.join(training['models'])}",
                )  # fmt: skip
    if model in REGRESSORS and model not in training["models"] and model not in scored:
        raise ConfigError(
            f"{model} is not scored in this run", where="config key 'mapping.model'",
            expected=f"a rival of evaluation.rivals, whose held-out errors tell how sure its map is: "
            f"{', '.join(scored)}", fix=f"add {model} to evaluation.rivals",
        )  # fmt: skip
    if scenario is None or (model == BEST and model not in training["models"]):
        return
    if scenario not in scenarios:
        raise ConfigError(
            f"'{scenario}' is not trained in this run", where="config key 'mapping.scenario'",
            expected=f"one of {', '.join(scenarios)}", fix=f"or add it to {more}",
        )  # fmt: skip


def _network(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    mapping, made = config["mapping"], config["training"][model]
    scenario = mapping["scenario"]
    named = mapping["model"] == model
    if scenario is None or not (named or scenario in made["scenarios"]):
        scenario = "transfer" if "transfer" in made["scenarios"] else made["scenarios"][0]
    return {
        "model": model, "scenario": scenario, "scored": conditioned(model) if mapping["condition"] else model,
        "plugin": made["plugin"], "window": made["window"], "rival": False, "neighbours": bool(made["neighbours"]),
    }  # fmt: skip


def _rival(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    scenarios, named = _scenarios_of_rivals(config), config["mapping"]["scenario"]
    return {
        "model": model, "scenario": named if named in scenarios else scenarios[-1], "scored": model,
        "plugin": REGRESSORS[model], "window": None, "rival": True, "neighbours": False,
    }  # fmt: skip


def _scenarios_of_rivals(config: Mapping[str, Any]) -> list[str]:
    """Those in which rivals that read features are fitted."""
    return ["target", "both"] if "source" in domains_of(config) else ["target"]
