"""Grids that users hold: soil, elevation and land cover as GeoTIFF, weather as netCDF (docs/reference/local-files.md).

The folder is the config's ``acquire.local.<dataset>``. Any CRS and resolution will do; units are read from the files,
or from ``layout.yaml`` in the folder, and values that they make impossible are an error that names file and variable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyproj
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from loam.acquire.catalogue import Dataset, Variable
from loam.acquire.local.layout import FILE, Layout, read_layout, refuse_codes, within_range
from loam.acquire.local.local_fields import read_local_fields
from loam.acquire.radar_relief import part_covered
from loam.acquire.source import Bounds, Fields, Source
from loam.codes import Codes
from loam.config.day_boundary import UTC_DAYS, shift_of
from loam.errors import RasterError
from loam.raster.band_on_grid import Reading, resample
from loam.raster.bands import unit_of
from loam.raster.grid import open_raster, pixel_metres

SUFFIXES = (".tif", ".tiff")


class LocalSource(Source):
    """One dataset from files in a folder."""

    back_end = "local"

    def clients(self) -> dict[str, str]:
        """Names and versions of the libraries that read the files, for the provenance."""
        return {
            "rasterio": rasterio.__version__, "gdal": rasterio.__gdal_version__, "xarray": xr.__version__,
            "netCDF4": netCDF4.__version__,
        }  # fmt: skip

    @property
    def notes(self) -> dict[str, Any]:
        """The folder, and what its layout.yaml says."""
        layout = self.layout
        said = {
            "names": layout.names,
            "units": layout.units,
            "nodata": layout.nodata,
            "crs": layout.crs,
            "vertical_datum": layout.vertical_datum,
        }
        return {"folder": str(layout.folder), "layout": {name: value for name, value in said.items() if value}}

    def as_held(self, variable: Variable) -> Dataset:
        """The dataset with the vertical datum that ``layout.yaml`` or else the file's tag names; none without."""
        if self.dataset.vertical_datum is None:
            return self.dataset
        datum = self.layout.vertical_datum
        if datum is None:
            with open_raster(self._bands(variable)[0][0]) as file:
                datum = file.tags().get("vertical_datum")
        return replace(self.dataset, vertical_datum=datum)

    def native_metres(self, variable: str, geobox: GeoBox) -> float:
        """As ``Source.native_metres``: the mean of both sides of the first band's pixels."""
        return float(np.mean(pixel_metres(self._pixels(variable))))

    def covered(self, variable: str, geobox: GeoBox) -> tuple[slice, slice]:
        """As ``Source.covered``: the part that the first band's file reaches.

        Raises:
            RasterError: it reaches none.
        """
        part = part_covered(geobox, self._pixels(variable))
        if part is None:
            raise RasterError(
                "does not reach the run's grid", where=self._bands(self.dataset.variables[variable])[0][0],
                expected="an elevation model of the region",
            )  # fmt: skip
        return part

    def _pixels(self, variable: str) -> GeoBox:
        with open_raster(self._bands(self.dataset.variables[variable])[0][0]) as dataset:
            crs = dataset.crs or self.layout.crs
            if crs is None:
                raise _without_crs(dataset.name)
            return GeoBox(dataset.shape, dataset.transform, pyproj.CRS.from_user_input(crs).to_wkt())

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        """One variable on the pixels of ``geobox``: [band, height, width], float32 with NaN, or classes.

        Raises:
            ConfigError: the folder is not given or not there.
            RasterError: a file is missing, cannot be read, or holds something else than it should.
        """
        item = self.dataset.variables[variable]
        bands = []
        for path, number in self._bands(item):
            with open_raster(path) as dataset:
                number = number or _band_called(dataset, item.bands[len(bands)])
                codes = Codes()
                reading = self._reading(dataset, path, number, item, codes)
                missing = self.dataset.nodata if item.classes else np.nan
                try:
                    values = resample([dataset], geobox, reading, missing)
                except RasterioError as error:
                    raise RasterError(f"cannot be read ({error})", where=path, expected="a whole GeoTIFF") from None
            refuse_codes(codes, item, path)
            bands.append(values)
        return np.stack(bands)

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """The fields of ``days`` on the native cells that cover ``bounds``, with one cell to spare on each side.

        Days after the last that the folder holds are not yet published.

        Raises:
            ConfigError: the folder is not given or not there.
            RasterError: a file or a day in it is missing, cannot be read, or holds something else than it should.
        """
        shift = shift_of(self.access.day_boundary or UTC_DAYS)
        return read_local_fields(self.dataset, self.layout, bounds, days, shift)

    @cached_property
    def layout(self) -> Layout:
        """The folder and what its layout.yaml says."""
        return read_layout(self.access.folder_of(self.dataset.name), self.dataset)

    def _bands(self, item: Variable) -> list[tuple[Path, int | None]]:
        """File and number of each band; no number where the file's own names of bands say which it is.

        Raises:
            RasterError: there is no file, there are two that it could be, or the number of bands is another.
        """
        folder, name = self.layout.folder, self.layout.names.get(item.name, item.name)
        whole = _only(folder, name)
        parts = [_only(folder, f"{name}_{band}") for band in item.bands]
        if whole and any(parts):
            raise RasterError(
                f"{item.name} could also be {next(part.name for part in parts if part)}", where=whole,
                fix="leave one of the two",
            )  # fmt: skip
        if all(parts):
            return [(part, 1) for part in parts]
        if whole is None:
            lacking = [f"{name}_{band}.tif" for band, part in zip(item.bands, parts, strict=True) if part is None]
            raise RasterError(
                f"there is no {name}.tif" + (f", and {', '.join(lacking)} lack" if any(parts) else ""), where=folder,
                expected=f"it, with bands {', '.join(item.bands)}, or a file for each, like {name}_{item.bands[0]}.tif",
            )  # fmt: skip
        with open_raster(whole) as dataset:
            if set(item.bands) <= set(dataset.descriptions):
                return [(whole, None)] * len(item.bands)
            if dataset.count != len(item.bands):
                raise RasterError(
                    f"has {dataset.count} bands", where=whole, expected=f"{len(item.bands)}: {', '.join(item.bands)}"
                )
        return [(whole, number) for number in range(1, len(item.bands) + 1)]

    def _reading(
        self, dataset: rasterio.DatasetReader, path: Path, number: int, item: Variable, codes: Codes
    ) -> Reading:
        layout = self.layout
        if dataset.crs is None and layout.crs is None:
            raise _without_crs(path)
        nodata = layout.nodata.get(item.name)
        if item.classes:
            return Reading(number, nodata=nodata, classes=True, crs=layout.crs)
        written = unit_of(dataset, number) or item.units
        scale, offset = layout.conversion(item, written, path)
        own = dataset.scales[number - 1], dataset.offsets[number - 1]
        return Reading(
            number, own[0] * scale, own[1] * scale + offset, nodata, crs=layout.crs, smooth=self.smooth,
            check=lambda values: within_range(values, item, path, layout, codes),
        )  # fmt: skip


def _without_crs(path: str | Path) -> RasterError:
    return RasterError(
        "has no coordinate reference system", where=path,
        fix=f"set it with gdal_edit -a_srs, or say `crs: ...` in {FILE}",
    )  # fmt: skip


def _only(folder: Path, stem: str) -> Path | None:
    found = [folder / f"{stem}{suffix}" for suffix in SUFFIXES if (folder / f"{stem}{suffix}").is_file()]
    if len(found) > 1:
        raise RasterError(f"there are {found[0].name} and {found[1].name}", where=folder, fix="leave one of the two")
    return found[0] if found else None


def _band_called(dataset: rasterio.DatasetReader, name: str) -> int:
    return dataset.descriptions.index(name) + 1
