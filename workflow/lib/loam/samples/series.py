"""The samples of a domain as series: what stations have, day by day, before anything is lagged or taken into windows.

``results/<run>/samples/<domain>.zarr``, which ``xarray.open_zarr`` opens:

    static [station, variable]                 what does not change; class covariates as their columns
    <covariate> [station, day]                 one array a daily covariate, NaN where missing
    moisture [teacher, station, day, layer]    m3 m-3, NaN where not observed
    group_<name> [station] or [station, day]   carried along for scores by group
    patch, patch_static                        pixels around stations, where a model reads them (``patches.py``)
    latitude, longitude [station]              degrees, WGS 84

A teacher is a source of observed moisture; most runs have one a domain. Days follow each other without a gap. Zarr's
format is 2: names of stations have no agreed form in 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from loam.covariates.features import Feature
from loam.covariates.season import day_of_year
from loam.errors import NONSENSE, TableError
from loam.io.atomic import atomic_folder
from loam.samples.patches import PATCHES, Patches, PatchParts, join_patches, open_patches
from loam.variables import variable_of

GROUP = "group_"
AGAIN = "rerun build_samples"


@dataclass(frozen=True)
class SampleSeries:
    """The samples of a domain.

    Args:
        stations: names, sorted.
        days: every day from the first that a window reads to the last, datetime64[D].
        variables: columns of the static features and of class covariates.
        static: [station, variable], float64, NaN where missing.
        daily: [station, day] of each daily covariate, float64, NaN where missing.
        layers: names.
        moisture: [teacher, station, day, layer], m3 m-3, float64, NaN where not observed.
        latitude, longitude: [station], degrees.
        groups: [station] or [station, day] of each group.
        teachers: names.
        weights: of the teachers in the loss.
        attributes: more to write down.
        patches: pixels around the stations; None where no model reads them.
    """

    stations: Sequence[str]
    days: np.ndarray
    variables: Sequence[str]
    static: np.ndarray
    daily: Mapping[str, np.ndarray]
    layers: Sequence[str]
    moisture: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    teachers: Sequence[str] = ("probes",)
    weights: Sequence[float] = (1.0,)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    patches: Patches | None = None

    def column(self, feature: Feature, station: np.ndarray, day: np.ndarray) -> np.ndarray:
        """A feature of stations on days (positions that are broadcast together): float64, NaN where missing."""
        station, day = np.broadcast_arrays(station, day)
        if feature.kind == "season":
            return np.asarray(day_of_year(pd.DatetimeIndex(self.days), str(feature.value))[day])
        if feature.series in self.daily:
            before = day - feature.lag
            found = self.daily[feature.series].take(station * len(self.days) + before, mode="clip")
            return found if before.min(initial=0) >= 0 else np.where(before >= 0, found, np.nan)
        return np.asarray(self.static[station, list(self.variables).index(feature.series)])


def write_samples(series: SampleSeries, path: str | Path, patches: PatchParts | None = None) -> None:
    """Write the samples of a domain, with the patches that ``patches`` reads; the store appears whole or not at all."""
    daily = {
        name: (("station", "day"), values, {"units": quantity.units} if (quantity := variable_of(name)) else {})
        for name, values in series.daily.items()
    }
    groups = {
        f"{GROUP}{name}": (("station", "day")[: np.ndim(values)], values) for name, values in series.groups.items()
    }
    degrees = {"units": "degrees", "reference": "WGS 84"}
    dataset = xr.Dataset(
        {
            "static": (("station", "variable"), series.static),
            **daily,
            "moisture": (("teacher", "station", "day", "layer"), series.moisture, {"units": "m3 m-3"}),
            "weight": ("teacher", np.asarray(series.weights, float)),
            **groups,
        },
        coords={
            "station": np.asarray(series.stations, object),
            "day": series.days.astype("datetime64[ns]"),
            "variable": np.asarray(series.variables, object),
            "layer": np.asarray(series.layers, object),
            "teacher": np.asarray(series.teachers, object),
            "latitude": ("station", series.latitude, degrees),
            "longitude": ("station", series.longitude, degrees),
        },
        attrs=dict(series.attributes),
    )
    if patches is not None:
        bands = {"band": np.asarray(patches.moving, object), "static_band": np.asarray(patches.still, object)}
        dataset = dataset.assign_coords(bands).assign_attrs(patch_size=patches.size)
    with atomic_folder(path) as temporary:
        dataset.to_zarr(temporary, zarr_format=2, consolidated=True)
        if patches is not None:
            patches.write(Path(temporary))


def open_samples(path: str | Path) -> SampleSeries:
    """Read what ``write_samples`` wrote.

    Raises:
        TableError: there is no such store, or it is damaged.
    """
    if not Path(path).is_dir():
        raise TableError("no such samples", where=path, fix="run the rule build_samples")
    try:
        with xr.open_zarr(path, consolidated=True, chunks=None, drop_variables=[*PATCHES]) as dataset:
            dataset = dataset.load()
            bands = ([str(name) for name in dataset[key].to_numpy()] if key in dataset.coords else []
                     for key in ("band", "static_band"))  # fmt: skip
            groups = {str(name): values.to_numpy() for name, values in dataset.items() if str(name).startswith(GROUP)}
            apart = {"static", "moisture", "weight", *groups}
            days = dataset["day"].to_numpy().astype("datetime64[D]")
            if len(days) and not (np.diff(days) == np.timedelta64(1, "D")).all():
                raise TableError("its days do not follow each other", where=path, fix=AGAIN)
            return SampleSeries(
                [str(name) for name in dataset["station"].to_numpy()],
                days,
                [str(name) for name in dataset["variable"].to_numpy()],
                dataset["static"].to_numpy(),
                {str(name): values.to_numpy() for name, values in dataset.items() if name not in apart},
                [str(name) for name in dataset["layer"].to_numpy()],
                dataset["moisture"].to_numpy(),
                dataset["latitude"].to_numpy(),
                dataset["longitude"].to_numpy(),
                {name.removeprefix(GROUP): values for name, values in groups.items()},
                [str(name) for name in dataset["teacher"].to_numpy()],
                dataset["weight"].to_numpy().tolist(),
                dict(dataset.attrs),
                open_patches(Path(path), int(size), *bands) if (size := dataset.attrs.get("patch_size")) else None,
            )
    except (KeyError, *NONSENSE) as error:
        raise TableError(f"cannot be read ({type(error).__name__}: {error})", where=path, fix=AGAIN) from error


def first_told(moisture: np.ndarray) -> np.ndarray:
    """Moisture [...] of the first teacher that has it, of moisture [teacher, ...]; NaN where none has."""
    first, *others = moisture
    for other in others:
        first = np.where(np.isnan(first), other, first)
    return first


def join_series(first: SampleSeries, second: SampleSeries, weights: Mapping[str, float]) -> SampleSeries:
    """The samples of source and target together; a domain's moisture stays with teachers of its own.

    Args:
        first: of the source domain.
        second: of the target domain, with the same covariates and layers and other stations.
        weights: of ``source`` and ``target`` in the loss.
    """
    parts = (("source", first), ("target", second))
    stations = sorted([*first.stations, *second.stations])
    days = np.arange(min(part.days[0] for _, part in parts), max(part.days[-1] for _, part in parts) + 1)
    teachers = [f"{domain} {name}" for domain, part in parts for name in part.teachers]
    static = np.full((len(stations), len(first.variables)), np.nan)
    daily = {name: np.full((len(stations), len(days)), np.nan) for name in {**first.daily, **second.daily}}
    moisture = np.full((len(teachers), len(stations), len(days), len(first.layers)), np.nan)
    latitude, longitude = np.empty((2, len(stations)))
    teacher, patches = 0, []
    for _, part in parts:
        rows = np.searchsorted(stations, list(part.stations))
        begin = int((part.days[0] - days[0]).astype(int))
        columns = slice(begin, begin + len(part.days))
        static[rows] = part.static[:, [list(part.variables).index(name) for name in first.variables]]
        for name, values in daily.items():
            if name in part.daily:
                values[rows, columns] = part.daily[name]
            else:  # called static, and so it is in this domain alone
                values[rows] = part.static[:, [list(part.variables).index(name)]]
        layers = [list(part.layers).index(name) for name in first.layers]
        for own in part.moisture:
            moisture[teacher, rows, columns] = own[..., layers]
            teacher += 1
        latitude[rows], longitude[rows] = part.latitude, part.longitude
        if part.patches is not None:
            patches.append((part.patches, rows, columns))
    return SampleSeries(
        stations, days, first.variables, static, daily, first.layers, moisture, latitude, longitude, {}, teachers,
        [weights[domain] * weight for domain, part in parts for weight in part.weights],
        {"of_target": np.isin(stations, list(second.stations))},
        patches=join_patches(patches, len(stations), len(days)) if len(patches) == len(parts) else None,
    )  # fmt: skip
