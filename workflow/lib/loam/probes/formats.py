"""The formats of probe files by their names in the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loam.plugins import load

if TYPE_CHECKING:
    from loam.config.sections.probes import ProbeFiles
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


def open_probes(settings: ProbeFiles) -> Probes:
    """The stations and readings behind a domain's settings (``probes.source``, ``probes.target`` of the config).

    Raises:
        TableError: what the format's reader refuses.
    """
    return load(FORMATS[settings.format])(settings)


def provider_flags(settings: ProbeFiles) -> tuple[list[str], list[str]]:
    """Good and bad flags of the provider: the config's, or the format's own where it names neither."""
    good, bad = settings.provider_good, settings.provider_bad
    if good is None and bad is None:
        good = GOOD_FLAGS.get(settings.format)
    return good or [], bad or []
