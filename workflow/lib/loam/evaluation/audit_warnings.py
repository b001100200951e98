"""Leakage audit, warnings: features that tell a station by its place, and scores that lean on the same weeks.

Neither is a test row in a fit. A network that is told where a station is can learn the levels of places rather than of
soils; and a station that is held out on days when its neighbours train is a smaller step than a day nobody measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from loam.evaluation.audit import NOTE, PASSED, WARNING, Finding
from loam.evaluation.metrics import r, rmse
from loam.evaluation.paired import BETTER, compare

PLACE_NAMES = {
    "latitude", "longitude", "lat", "lon", "x", "y", "easting", "northing", "station", "station_id", "site", "id",
}  # fmt: skip
STATIONS = 5  # least, of which a feature can follow latitude
FOLLOWS = 0.999  # correlation with it
STATION, PERIOD = "leave_one_station_out", "station_and_period"


def check_features(target: pd.DataFrame, static: Sequence[str], daily: Sequence[str]) -> Iterator[Finding]:
    """Features that tell stations apart by their place or name.

    A static feature has one value a station by nature, so that alone is no warning: one that is a coordinate, or
    follows one, is. So is a daily feature that never changes at any station but differs between them: it has no day to
    tell, and is a name of the station. Static features that have another value at every station are noted.

    Args:
        target: samples of the target domain: station, latitude, longitude and the features.
        static: names of the static features.
        daily: columns of the features that should change with the day.
    """
    for why in identifying(target, static, daily).values():
        yield Finding("features", WARNING, why)
    if unique := another_value_a_station(target, static):
        count = target["station"].nunique()
        yield Finding("features", NOTE, f"another value at each of {count} stations: {', '.join(unique)}")
    yield Finding("features", PASSED, f"{len(static) + len(daily)} features")


def identifying(target: pd.DataFrame, static: Sequence[str], daily: Sequence[str]) -> dict[str, str]:
    """The features that are warned of, and why; arguments as ``check_features``."""
    stations = target.groupby("station", sort=True)
    places, count = stations[["latitude", "longitude"]].mean(), len(stations)
    still = stations[[*static, *daily]].nunique().le(1).all()
    values = stations[[*static, *daily]].first()
    found: dict[str, str] = {}
    for name in [*static, *daily]:
        if name.lower() in PLACE_NAMES:
            found[name] = f"feature '{name}' names the place of a station"
        elif not still[name] or values[name].nunique() < 2:
            continue
        elif name in daily:
            found[name] = (
                f"daily feature '{name}' never changes at any of {count} stations and differs between them: it tells "
                "the station, not the day"
            )
        elif count >= STATIONS:
            for axis in places:
                if abs(r(places[axis].to_numpy(), values[name].to_numpy(float))) > FOLLOWS:
                    found[name] = f"feature '{name}' follows {axis}"
    return found


def another_value_a_station(target: pd.DataFrame, static: Sequence[str]) -> list[str]:
    """The static features of which every station, of two or more, has another value."""
    values = target.groupby("station", sort=True)[[*static]].first()
    return [name for name in static if len(values) > 1 and values[name].nunique() == len(values)]


def check_period(predictions: pd.DataFrame, *, draws: int, seed: int) -> Iterator[Finding]:
    """Whether scores fall when a station's period is held out with it: on the same rows, by the paired difference.

    Args:
        predictions: schema PREDICTIONS, of every protocol.
        draws: bootstrap draws of the stations.
        seed: of the draws.
    """
    row = ["model", "scenario", "layer", "station", "date"]
    parts = [
        predictions[predictions["protocol"] == name][[*row, "observed", "predicted"]] for name in (STATION, PERIOD)
    ]
    if not all(map(len, parts)):
        yield Finding("period", NOTE, f"not looked at: it takes protocols {STATION} and {PERIOD}")
        return
    both = parts[0].merge(parts[1].drop(columns="observed"), on=row, suffixes=("_station", "_period"))
    for (model, scenario, layer), part in both.groupby(["model", "scenario", "layer"], sort=False):
        scores = {
            score.__name__: pd.DataFrame(
                {(held, ""): {name: score(own["observed"].to_numpy(), own[f"predicted_{held}"].to_numpy())
                              for name, own in part.groupby("station")} for held in ("station", "period")}
            )
            for score in (rmse, r)
        }  # fmt: skip
        paired = compare(scores["rmse"], ("station", ""), ("period", ""), draws=draws, seed=seed)
        correlations = scores["r"].median()
        if paired is not None and paired.word == BETTER:
            yield Finding(
                "period", WARNING, f"{model} {scenario}, {layer}: median RMSE {paired.ours:.3f}, r "
                f"{correlations['station', '']:.2f} where the station is held out; {paired.theirs:.3f}, "
                f"{correlations['period', '']:.2f} on the same days where its period is too ({paired.stations} "
                f"stations, difference {paired.difference:+.3f}, {paired.low:+.3f} to {paired.high:+.3f}): "
                "leave-one-station-out leans on the same weeks at other stations",
            )  # fmt: skip
    yield Finding("period", PASSED, "no score falls clearly when the period is held out too")
