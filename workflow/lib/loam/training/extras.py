"""Inputs that training makes itself, behind the features: the row's domain, and what the other probes of the day say.

Both depend on the fold, so they are no columns of the samples: a station that a fold holds out tells nothing to anyone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loam.samples.neighbours import same_day_anomaly, station_anomalies
from loam.samples.series import first_told
from loam.samples.windows import Windows

DOMAIN = "of_target"  # 1 of the target domain, -1 of the source's
MANY = 1.0  # stations that report at which the count, n / (n + MANY), is a half

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Extras:
    """Inputs behind the features, scaled.

    Args:
        domain: [station], 1 of the target, -1 of the source beside it; None where it is no input.
        neighbours: [member, station day, 2 layer], anomalies in units of the member's standard deviation of moisture,
            then n / (n + 1) of the stations that report; None where they are no input.
        which: [member] place of its values in ``neighbours``.
    """

    domain: np.ndarray | None = None
    neighbours: np.ndarray | None = None
    which: np.ndarray | None = None

    @property
    def width(self) -> int:
        """How many inputs they are."""
        return (self.domain is not None) + (0 if self.neighbours is None else self.neighbours.shape[-1])

    def take(self, places: np.ndarray) -> Extras:
        """Of the members at ``places``."""
        if self.neighbours is None or self.which is None:
            return self
        kept, which = np.unique(self.which[places], return_inverse=True)
        return Extras(self.domain, self.neighbours[kept], which.reshape(-1))


def names_of_extras(chosen: Mapping[str, Any], layers: Sequence[str]) -> list[str]:
    """What the inputs behind the features are called, in their order.

    Args:
        chosen: ``domain_indicator`` and ``neighbours`` of a model.
        layers: names.
    """
    names = [DOMAIN] if chosen["domain_indicator"] else []
    if chosen["neighbours"]:
        names += [f"{what}_{layer}" for what in ("neighbours", "neighbours_count") for layer in layers]
    return names


def extras_of(
    windows: Windows,
    training: Sequence[np.ndarray] | None,
    names: Sequence[str],
    unit: np.ndarray,
    neighbours: Mapping[str, float],
) -> Extras:
    """The inputs of a domain's rows, or of both domains'.

    Args:
        windows: the rows.
        training: positions of each member's training rows, which alone tell their neighbours something; None: nobody
            tells anything, as for a network that is trained elsewhere.
        names: of the inputs (``names_of_extras``).
        unit: [member, layer] standard deviation of the moisture that a member trains on, m3 m-3.
        neighbours: the config's ``features.neighbours``.
    """
    # a network of one domain alone is asked about the target as about what it has met
    domain = np.where(windows.of_target | ~windows.of_target.any(), 1.0, -1.0) if DOMAIN in names else None
    if not any(name.startswith("neighbours") for name in names):
        return Extras(domain)
    values = np.zeros((len(unit), len(windows.of_day), 2 * len(windows.layers)), np.float32)
    if training is None:
        return Extras(domain, values[:1], np.zeros(len(unit), np.int64))
    distinct: dict[bytes, int] = {}
    which = [distinct.setdefault(rows.tobytes(), len(distinct)) for rows in training]
    for place, rows in enumerate(training):
        if which.index(which[place]) == place:
            values[which[place]] = _of_fold(windows, rows, unit[place], neighbours)
    _tell_who_hears_nobody([values[place] for place in which], windows, training)
    return Extras(domain, values[: len(distinct)], np.array(which))


def _tell_who_hears_nobody(told: Sequence[np.ndarray], windows: Windows, training: Sequence[np.ndarray]) -> None:
    """Warn of members none of whose training rows is told anything: such a network learns nothing of other probes."""
    counts = slice(len(windows.layers), None)
    deaf = sum(
        not own[windows.position[rows], counts].any() for own, rows in zip(told, training, strict=True)
    )  # fmt: skip
    if deaf:
        log.warning(
            "%d of %d members hear of no other probe on any training day, because no two of their stations report on "
            "one day: what neighbours say is no input to them", deaf, len(training),
        )  # fmt: skip


def anomalies_told(windows: Windows, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each station's anomaly from its own mean, m3 m-3, and whether it reports, [station, day, layer].

    Args:
        windows: the target's rows.
        training: positions of the rows that may be read.
    """
    return station_anomalies(*_told(windows, training))


def scaled_neighbours(value: np.ndarray, count: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Inputs [..., 2 layer] of anomalies and counts [..., layer]."""
    return np.concatenate([value / unit, count / (count + MANY)], -1)


def _told(windows: Windows, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(windows.series.stations), len(windows.series.days))
    moisture = first_told(windows.moisture).reshape(*shape, -1)
    told = np.zeros(shape, bool)
    told[windows.station[training], windows.day[training]] = True
    return moisture, told


def _of_fold(windows: Windows, training: np.ndarray, unit: np.ndarray, neighbours: Mapping[str, float]) -> np.ndarray:
    """[station day, 2 layer] of one fold: each domain by itself."""
    moisture, told = _told(windows, training)
    days, layers = moisture.shape[1:]
    found = np.zeros((len(moisture), days, 2 * layers))
    for own in (windows.of_target, ~windows.of_target):
        if not told[own].any():
            continue
        value, count = same_day_anomaly(
            moisture[own], told[own], windows.series.latitude[own], windows.series.longitude[own],
            power=neighbours["power"], floor_km=neighbours["floor_km"],
        )  # fmt: skip
        found[own] = scaled_neighbours(value, count, unit)
    return found.reshape(-1, 2 * layers)
