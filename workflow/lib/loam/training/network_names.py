"""The networks by the names that the config gives them. A new one is a file with a builder, and a line here."""

from __future__ import annotations

from loam.errors import ConfigError

NETWORKS = {  # a builder takes the settings, the features' shape and the number of layers, and gives a DenseNetwork
    "mlp": "loam.training.mlp:build_mlp",
    "lstm": "loam.training.lstm:build_lstm",
}


def network_of(model: str) -> str:
    """Where a model's builder stands, for ``loam.plugins.load``.

    Raises:
        ConfigError: no such network.
    """
    if model not in NETWORKS:
        raise ConfigError(
            f"no network '{model}'", where="config key 'training.models'", expected=f"one of {[*NETWORKS]}"
        )
    return NETWORKS[model]
