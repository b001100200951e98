"""The samples of a domain as series, built from what ``loam.samples.domains`` found: a block of stations at a time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loam.covariates.features import Feature, FeatureSet, widest_set
from loam.covariates.read.derive import DAILY, RowReader, Settings
from loam.samples.domains import Domain
from loam.samples.gaps import Filled, Gaps
from loam.samples.series import SampleSeries
from loam.samples.teachers import of_source

log = logging.getLogger("loam")

NO_GAPS = Gaps()
STILL = ("static", "class")  # kinds of features that do not change, but in some tables
STATIONS_AT_ONCE = 2048  # bounds what is read at once of a long record


def build_series(
    domain: Domain, settings: Settings, *, groups: Sequence[str], features: Mapping[str, Any], gaps: Gaps = NO_GAPS
) -> SampleSeries:  # fmt: skip
    """The series of all stations of ``domain``, on every day from the first that a window reads to the last observed.

    Args:
        domain: stations, moisture, source of covariates.
        settings: how covariates are derived.
        groups: of the config. In a domain of the cube a group is ``landcover`` (the class of the pixel), another
            column of the table of stations, or a static covariate.
        features: the config's.
        gaps: which gaps of daily covariates are filled.

    Raises:
        ConfigError: a feature or group is not there.
    """
    wanted = widest_set(features, patch=domain.around is not None)
    fixed, moving = _parts(wanted, domain)
    station = domain.about.index.get_indexer(domain.moisture.index.get_level_values("station"))
    day = domain.moisture.index.get_level_values("date").to_numpy().astype("datetime64[D]")
    back = max((feature.lag for feature in wanted.all), default=0)
    days = np.arange(day.min() - back, day.max() + 1)
    shape = (len(domain.about), len(days))
    daily = {feature.series: np.full(shape, np.nan) for feature in moving}
    variables = list(dict.fromkeys(feature.series for feature in wanted.all if feature.kind in STILL))
    static = np.full((shape[0], len(variables)), np.nan)
    layers = list(domain.moisture.columns)
    moisture = np.full((len(domain.teachers), *shape, len(layers)), np.nan)
    filled: Counter[str] = Counter()
    carried: dict[str, list[np.ndarray]] = {name: [] for name in groups}
    for first in range(0, shape[0], STATIONS_AT_ONCE):
        own = domain.order[first : first + STATIONS_AT_ONCE]
        observed = np.unique(day[np.isin(station, own)])
        about = domain.about.iloc[own]
        source = Filled(domain.read(about), gaps)
        reader = RowReader(wanted, source, np.arange(observed[0], observed[-1] + 1), settings)
        everyone = np.arange(len(own))
        for feature in fixed:
            static[own, variables.index(feature.series)] = reader.column(feature, np.zeros_like(everyone), everyone)
        for feature in moving:
            if feature.kind in STILL:
                begin, values = days[0], source.series(feature.column, days[0], days[-1])[0].values.T
            else:
                begin, values = reader.series(feature, len(own))
            place = int((begin - days[0]).astype(int))
            daily[feature.series][own, place : place + values.shape[1]] = values
        for place, teacher in enumerate(domain.teachers):
            if not teacher.own and teacher.name not in domain.said:
                span = np.arange(observed[0], observed[-1] + 1)
                said = of_source(teacher, layers, source, list(about.index), span, settings, domain.where)
                at = int((span[0] - days[0]).astype(int))
                moisture[place, own, at : at + len(span)] = said
        for name in groups:
            carried[name].append(np.asarray(domain.group(name, source, about, days)))
        filled += source.counts
    for name, count in filled.items():
        log.info("%s: %d values of %s in gaps of up to %d days are filled", domain.name, count, name, gaps.fill_days)
    for place, teacher in enumerate(domain.teachers):
        if teacher.own or teacher.name in domain.said:
            said = domain.said.get(teacher.name, domain.moisture).reindex(domain.moisture.index)
            moisture[place, station, (day - days[0]).astype(np.int64)] = said.to_numpy()
    log.info("%s: series of %d stations, %d days, %d covariates", domain.name, *shape, len(variables) + len(daily))
    return SampleSeries(
        list(domain.about.index), days, variables, static, daily, layers, moisture,
        domain.about["latitude"].to_numpy(float), domain.about["longitude"].to_numpy(float),
        {name: np.concatenate(parts)[np.argsort(domain.order)] for name, parts in carried.items()},
        [teacher.name for teacher in domain.teachers], [teacher.weight for teacher in domain.teachers],
        attributes={"domain": domain.name, "source": str(domain.where), "lags": list(wanted.lags)},
    )  # fmt: skip


def _parts(wanted: FeatureSet, domain: Domain) -> tuple[list[Feature], list[Feature]]:
    """The features that do not change at a station, and one feature of each daily series."""
    still = {feature.series: feature for feature in wanted.all if feature.kind in STILL}.values()
    fixed = [feature for feature in still if not domain.changes(feature.series)]
    moving = [feature for feature in still if domain.changes(feature.series)]
    daily = {feature.series: feature for feature in wanted.all if feature.kind in DAILY}
    return fixed, [*moving, *daily.values()]
