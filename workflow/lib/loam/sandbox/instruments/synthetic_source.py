"""The synthetic world as a back end: it reads the world as the others read a server, and the drivers of
``loam.acquire`` write the same files, manifests and provenance as for real data.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset
from loam.acquire.source import Bounds, Fields, Source
from loam.config.sandbox import BACK_END
from loam.errors import ConfigError
from loam.raster.grid import crs_of
from loam.sandbox.instruments import coarse_moisture, static_maps, weather_grids
from loam.sandbox.instruments.cell_means import cells_over
from loam.sandbox.instruments.coarse_moisture import DEPTHS, CellTruth, ease_grid, fields_found
from loam.sandbox.instruments.weather_grids import CellWeather, degree_grid
from loam.sandbox.source_domain import SourceDomain
from loam.sandbox.world import World, depth_mean


class SandboxSource(Source):
    """What both domains have in common: when days are published, and under which names.

    A month that is asked on no day is complete.
    """

    back_end = BACK_END

    def clients(self) -> dict[str, str]:
        """None: nothing is asked."""
        return {}

    def found(self, days: Sequence[date], seed: int) -> tuple[np.ndarray, date | None]:
        """How many fields each day has, and until when days are published."""
        until = None
        if self.access.asked_on:
            until = self.access.asked_on - timedelta(days=self.dataset.latency_days)
        whole = np.full(len(days), self.dataset.fields_a_day)
        if self.dataset.kind == "coarse_moisture":
            whole = fields_found(seed, days)
        late = np.array([until is not None and day > until for day in days])
        return np.where(late, 0, whole), until

    def moisture(
        self,
        seed: int,
        truth: np.ndarray,
        days: Sequence[date],
        numbers: np.ndarray,
        found: np.ndarray,
        regional: float,
    ) -> dict[str, np.ndarray]:
        """Published moisture of places, by variable: [day, place]; of ``truth`` [variable, day, place]."""
        gaps = [gap for gap in self.dataset.known_gaps if gap.effect == "model_only"]
        alone = np.array([any(gap.holds(day) for gap in gaps) for day in days])
        return {
            name: coarse_moisture.observed(
                seed, name, values, days, numbers, found, regional=regional, model_only=alone
            )
            for name, values in zip(DEPTHS, truth, strict=True)
        }  # fmt: skip


class RegionSource(SandboxSource):
    """The target domain: maps and fields of its region."""

    tile = 512

    def __init__(
        self, dataset: Dataset, access: Access, workspace: Path, world: World,
        truth: CellTruth | CellWeather | None = None,
    ) -> None:  # fmt: skip
        """Region of ``world``, with the truth of the cells of coarse moisture or weather; maps need none."""
        super().__init__(dataset, access, workspace)
        self.world, self.truth = world, truth

    def native_metres(self, variable: str, geobox: GeoBox) -> float:
        """As ``Source.native_metres``."""
        return static_maps.SIZES[self.dataset.kind]

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        """One variable of a map on the pixels of ``geobox``, in the world's CRS."""
        if self.smooth and self.dataset.kind == "terrain":
            return static_maps.published_relief(self.world, geobox)[None]
        return static_maps.published(self.world, _name(variable, self.dataset.kind), self.dataset.kind, geobox)

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """Fields of the cells that cover ``bounds`` with one to spare; NaN where the region does not reach."""
        found, until = self.found(days, self.world.settings.seed)
        whole = self.truth
        if isinstance(whole, CellWeather):
            cells, values = degree_grid(), self._weather_of(whole, days)
        else:
            cells, values = ease_grid(), self._moisture_of(whole, days, found)
        part, row, col = cells_over(cells, bounds)
        rows, cols = (
            np.arange(size) + first - begin
            for size, first, begin in zip(part.shape, (row, col), (whole.row, whole.col), strict=True)
        )
        down, across = (
            np.flatnonzero((axis >= 0) & (axis < size))
            for axis, size in zip((rows, cols), whole.cells.shape, strict=True)
        )
        names = ("latitude", "longitude") if part.crs.geographic else ("y", "x")
        data = xr.Dataset(
            coords={"time": np.array(days, "datetime64[ns]")}
            | {name: (name, part.coordinates[name].values) for name in names},
            attrs={"crs": crs_of(part).to_wkt()},
        )
        for name, field in values.items():
            out = np.full((len(days), *part.shape), np.nan, np.float32)
            out[:, down[:, None], across] = field[:, rows[down][:, None], cols[across]]
            out[found == 0] = np.nan
            data[name] = (("time", *names), out)
        return Fields(data, found, published_until=until)

    def _weather_of(self, whole: CellWeather, days: Sequence[date]) -> dict[str, np.ndarray]:
        truth = whole.true(days)
        seen = weather_grids.observed(self.world.settings.seed, truth, days, *whole.places, neighbours=True)
        return dict(zip(weather_grids.VARIABLES, seen, strict=True))

    def _moisture_of(self, whole: CellTruth, days: Sequence[date], found: np.ndarray) -> dict[str, np.ndarray]:
        values = whole.values[:, [whole.days.index(day) for day in days]]
        shape = values.shape[1:]
        seen = self.moisture(
            self.world.settings.seed, values.reshape(len(DEPTHS), len(days), -1), days, whole.numbers.ravel(),
            found, self.world.settings.domain_distance,
        )  # fmt: skip
        return {name: field.reshape(shape) for name, field in seen.items()}


class StationSource(SandboxSource):
    """The source domain, which is its stations: maps and fields at each."""

    def __init__(
        self, dataset: Dataset, access: Access, workspace: Path, domain: SourceDomain,
        truth: np.ndarray | None = None, days: Sequence[date] = (),
    ) -> None:  # fmt: skip
        """Stations of ``domain``; ``truth`` [variable, day, station] of their surroundings on ``days``."""
        super().__init__(dataset, access, workspace)
        self.domain, self.truth, self.days = domain, truth, list(days)

    def sample_map(self, variable: str, stations: pd.DataFrame, resolution: float) -> np.ndarray:
        """What is published at the stations."""
        places, name = self._places(stations), _name(variable, self.dataset.kind)
        truth = np.asarray(self.domain.static[name])[..., places]
        if name == "landcover":
            return static_maps.published_at(self.domain.settings.seed, name, truth, -places - 1)[:, None]
        return static_maps.published_at(self.domain.settings.seed, name, np.atleast_2d(truth), -places - 1).T

    def sample_fields(self, stations: pd.DataFrame, days: Sequence[date]) -> tuple[pd.DataFrame, Fields]:
        """Weather, or moisture of the land around each station."""
        seed, places = self.domain.settings.seed, self._places(stations)
        found, until = self.found(days, seed)
        if self.dataset.kind == "weather":
            weather = self.domain.weather(days)
            truth = np.stack([weather[name][:, places] for name in weather_grids.VARIABLES]).astype(float)
            seen = weather_grids.observed(seed, truth, days, -places - 1, np.zeros_like(places), neighbours=False)
            values = dict(zip(weather_grids.VARIABLES, seen, strict=True))
        else:
            truth = self.truth[:, [self.days.index(day) for day in days]][:, :, places]
            values = self.moisture(seed, truth, days, -places - 1, found, 0.0)
        there = np.repeat(found > 0, len(places))
        table = pd.DataFrame({
            "station": np.tile(stations["station"].to_numpy(), len(days)),
            "date": np.repeat(np.array(days, "datetime64[ns]"), len(places)),
            **{name: np.where(there, field.ravel(), np.float32(np.nan)) for name, field in values.items()},
        })  # fmt: skip
        return table, Fields(
            xr.Dataset(coords={"time": np.array(days, "datetime64[ns]")}), found, published_until=until
        )

    def _places(self, stations: pd.DataFrame) -> np.ndarray:
        known = {name: place for place, name in enumerate(self.domain.stations["station"])}
        names = [name.rsplit("_", 1)[-1] for name in stations["station"]]  # as the ISMN's folders name them
        if unknown := [name for name in names if name not in known]:
            raise ConfigError(f"the sandbox's source domain has no station '{unknown[0]}'", expected=", ".join(known))
        return np.array([known[name] for name in names])


def surroundings(domain: SourceDomain, days: Sequence[date]) -> np.ndarray:
    """True moisture around the source's stations: [variable, day, station], variables as in ``DEPTHS``."""
    return np.stack(
        [np.stack([depth_mean(day.area, *depth) for depth in DEPTHS.values()]) for day in domain.run(days)], axis=1
    ).astype(float)


def _name(variable: str, kind: str) -> str:
    """The world's name of a dataset's variable: the one map of a dataset of terrain or land cover has its own."""
    return {"terrain": "elevation", "landcover": "landcover"}.get(kind, variable)
