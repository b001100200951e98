"""Recipes: models by name whose choices are made, each a network with what its training needs.

``paper`` is word for word that of Widyastuti et al.; ``ours`` fits within stations
(``docs/explanation/within-station.md``). Every choice of a recipe can be overruled in ``training.<model>``.
"""

from __future__ import annotations

from typing import Any

WITHIN: dict[str, Any] = {
    "loss": "within_station",
    "level_weight": 0.03,
    "batch": {"stations": 8, "rows": 16, "target_share": 0.5},
    "steps": 500,
    "optimiser": "adam",
    "betas": [0.9, 0.98],
    "learning_rate": 3.0e-3,
    "schedule": {"cosine": {"warm_up": 0.1}},
    "decay": 0.5,
    "stop": "last",
    "validation": "none",
    "seeds": 4,
    "scaling": "log_skewed",
    "domain_indicator": True,
    "scenarios": ["both"],
}
SMALL: dict[str, Any] = {"hidden": [64, 64], "activation": "silu", "output": "scaled", "frozen": 0}

# Of each recipe its models: the network's file and what the recipe chooses for it.
RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "paper": {"mlp": {"network": "mlp"}, "lstm": {"network": "lstm"}},
    "ours": {
        "mlp_within": {"network": "mlp", **WITHIN, **SMALL},
        "mlp_neighbours": {"network": "mlp", **WITHIN, **SMALL, "neighbours": True},
        "lstm_within": {"network": "lstm", **WITHIN, **SMALL, "units": 32, "dense": 32},
    },
}
MADE: dict[str, dict[str, Any]] = {name: made for models in RECIPES.values() for name, made in models.items()}


def models_of(recipes: list[str], *, sequence: bool) -> list[str]:
    """The models that recipes train where a run names none.

    Args:
        recipes: their names.
        sequence: whether the run has a sequence: the paper's LSTM reads one.
    """
    named = {"paper": ["mlp", "lstm"] if sequence else ["mlp"], "ours": ["mlp_within", "mlp_neighbours"]}
    return [name for recipe in recipes for name in named[recipe]]
