"""The formats of probe files by their names in the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loam.errors import ConfigError
from loam.plugins import load

if TYPE_CHECKING:
    from loam.probes.readings import Probes

FORMATS = {
    "awra": "loam.probes.awra:read_awra",
    "icos": "loam.probes.icos:read_icos",
    "ismn": "loam.probes.ismn:read_ismn",
    "logger": "loam.probes.logger.reader:read_logger",
    "ozflux": "loam.probes.ozflux:read_ozflux",
    "oznet": "loam.probes.oznet:read_oznet",
    "uscrn": "loam.probes.uscrn:read_uscrn",
}
# What is declared of probes and of their stations (``loam.variables``): what a station's files and tables may tell.
MEASURED = ("soil_moisture", "soil_temperature", "air_temperature", "precipitation")
VARIABLES = (*MEASURED, "elevation", "bulk_density", "porosity")
# Flags of the provider with which a reading is good, where the format has flags: ISMN's G; PyFluxPro's 0 (passed) and
# 10 (a linear correction applied), not those of filled gaps.
GOOD_FLAGS = {"ismn": ["G"], "ozflux": ["0", "10"]}


def open_probes(settings: Mapping[str, Any]) -> Probes:
    """The stations and readings behind a domain's settings (``probes.source``, ``probes.target`` of the config).

    Raises:
        ConfigError: the format is not known.
        TableError: what the format's reader refuses.
    """
    return load(reader_of(settings))(settings)


def reader_of(settings: Mapping[str, Any]) -> str:
    """Where the function stands that reads a domain's format, for ``loam.plugins.load``.

    Raises:
        ConfigError: the format is not known.
    """
    if settings["format"] not in FORMATS:
        raise ConfigError(
            f"'{settings['format']}' is no format of probe files", where="config key 'probes'",
            expected=f"one of {', '.join(FORMATS)}",
        )  # fmt: skip
    return FORMATS[settings["format"]]


def provider_flags(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """``provider_good`` and ``provider_bad`` of a domain: the config's, or the format's own where it names neither."""
    good, bad = settings.get("provider_good"), settings.get("provider_bad")
    if good is None and bad is None:
        good = GOOD_FLAGS.get(settings["format"])
    return {"provider_good": good or [], "provider_bad": bad or []}
