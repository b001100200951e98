"""The formats of probe files by their names in the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loam.errors import ConfigError
from loam.probes.awra import read_awra
from loam.probes.icos import read_icos
from loam.probes.ismn import read_ismn
from loam.probes.logger.reader import read_logger
from loam.probes.ozflux import read_ozflux
from loam.probes.oznet import read_oznet
from loam.probes.readings import Probes
from loam.probes.uscrn import read_uscrn

FORMATS: dict[str, Callable[[Mapping[str, Any]], Probes]] = {
    "awra": read_awra,
    "icos": read_icos,
    "ismn": read_ismn,
    "logger": read_logger,
    "ozflux": read_ozflux,
    "oznet": read_oznet,
    "uscrn": read_uscrn,
}
# Flags of the provider with which a reading is good, where the format has flags: ISMN's G; PyFluxPro's 0 (passed) and
# 10 (a linear correction applied), not those of filled gaps.
GOOD_FLAGS = {"ismn": ["G"], "ozflux": ["0", "10"]}


def open_probes(settings: Mapping[str, Any]) -> Probes:
    """The stations and readings behind a domain's settings (``probes.source``, ``probes.target`` of the config).

    Raises:
        ConfigError: the format is not known.
        TableError: what the format's reader refuses.
    """
    if settings["format"] not in FORMATS:
        raise ConfigError(
            f"'{settings['format']}' is no format of probe files", where="config key 'probes'",
            expected=f"one of {', '.join(FORMATS)}",
        )  # fmt: skip
    return FORMATS[settings["format"]](settings)


def provider_flags(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """``provider_good`` and ``provider_bad`` of a domain: the config's, or the format's own where it names neither."""
    good, bad = settings.get("provider_good"), settings.get("provider_bad")
    if good is None and bad is None:
        good = GOOD_FLAGS.get(settings["format"])
    return {"provider_good": good or [], "provider_bad": bad or []}
