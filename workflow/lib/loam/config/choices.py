"""What a run reads, trains and maps where its config leaves that open (null): a config says its own facts only.

The features are those of Widyastuti et al. for a run from the cube (and the sandbox's, which is one); a run from tables
has no others than it names. Read when the workflow is parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loam.config.parts import domains_of, origins
from loam.config.recipes import RECIPES, models_of

FEATURES: dict[str, Any] = {
    "static": ["elevation", *(f"{name}_{depth}" for name in ("awc", "soc", "clay") for depth in (1, 2, 3, 4))],
    "daily": [
        {"name": "tmin", "lags": [0, 0]},
        {"name": "tmax", "lags": [0, 0]},
        {"name": "rain", "lags": [0, 3]},
    ],
    "classes": [{"name": "landcover", "values": ["PAST", "FORE", "AGRI", "SAVA", "IRRI"]}],
}
SEQUENCE = ["sm_surface", "sm_rootzone"]
BESIDE = "boosted_trees_all"  # the rival that maps too where the truth is known
COARSE = [{"layer": "surface", "feature": "sm_surface_0"}, {"layer": "subsurface", "feature": "sm_rootzone_0"}]


def choose_features(config: dict[str, Any]) -> None:
    """Settle section ``features``; ``samples.from`` is known. Changes ``config`` in place."""
    features, cube = config["features"], {"cube", "sandbox"} & set(origins(config).values())
    for key, names in FEATURES.items():
        if features[key] is None:
            features[key] = [dict(item) if isinstance(item, dict) else item for item in names] if cube else []
    if features["sequence"]["variables"] is None:
        features["sequence"]["variables"] = list(SEQUENCE) if cube else []


def choose_training(config: dict[str, Any]) -> None:
    """Settle models, scenarios, the modelled moisture to beat, and what is mapped. Changes ``config`` in place.

    A recurrent network needs a sequence; scenarios that read the source domain need one.
    """
    training, mapping, evaluation = (config[key] for key in ("training", "mapping", "evaluation"))
    if training["models"] is None:
        training["models"] = models_of(training["recipe"], sequence=bool(config["features"]["sequence"]["variables"]))
    if training["scenarios"] is None:
        with_source = "source" in domains_of(config)
        training["scenarios"] = ["source", "target", "transfer"] if with_source else ["target"]
    if evaluation["coarse"] is None:
        evaluation["coarse"] = [dict(entry) for entry in COARSE if _has(config, entry)]
    if mapping["dates"] is None:
        mapping["dates"] = []
    if mapping["rivals"] is None:
        mapping["rivals"] = [name for name in [BESIDE] if mapping["truth"] and name != mapping["model"]]
    network = default_network(config)
    if mapping["model"] is None:
        mapping["model"] = network
    if mapping["members"] is None:
        mapping["members"] = "all" if network in RECIPES["ours"] else "folds"


def default_network(config: Mapping[str, Any]) -> str:
    """The network that maps where ``mapping.model`` names none."""
    training, chosen = config["training"], config["mapping"]["model"]
    if chosen in training["models"]:
        return chosen
    named = [name for name in ("mlp_within", "lstm") if name in training["models"]]
    return (named or training["models"])[0]


def _has(config: Mapping[str, Any], entry: Mapping[str, str]) -> bool:
    """Whether the run has the layer of ``entry``, and its feature at lag 0 in the sequence."""
    sequence = config["features"]["sequence"]
    named = entry["feature"].removesuffix("_0") in sequence["variables"] and sequence["every"] == 1
    return named and sequence["lags"][0] == 0 and entry["layer"] in [layer["name"] for layer in config["layers"]]
