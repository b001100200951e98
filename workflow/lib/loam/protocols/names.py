"""The protocols by the names that the config gives them: who is held out from whom."""

from __future__ import annotations

from loam.errors import ConfigError

PROTOCOLS = {  # a protocol takes a Record and its settings, and yields Folds (loam.protocols.fold)
    "leave_one_station_out": "loam.protocols.stations:leave_one_station_out",
}


def protocol_of(name: str) -> str:
    """Where a protocol's function stands, for ``loam.plugins.load``.

    Raises:
        ConfigError: no such protocol.
    """
    if name not in PROTOCOLS:
        raise ConfigError(
            f"no protocol '{name}'", where="config key 'training.protocols'", expected=f"one of {[*PROTOCOLS]}"
        )
    return PROTOCOLS[name]
