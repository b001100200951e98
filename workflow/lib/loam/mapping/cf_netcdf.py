"""A day's map as CF-netCDF: the bands of its GeoTIFF by their names, with time, depths, grid mapping and units.

Numbers are copied as the GeoTIFF holds them, packed or not, block by block, so memory is that of a block. Each layer
has a scalar coordinate, its middle depth, with the layer's top and bottom as bounds (CF 7.1): layers may overlap, which
an axis of depths could not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import rasterio

from loam.config.day_boundary import shift_of
from loam.config.map_bands import BOUNDS, OF_MEMBERS, STATISTICS
from loam.io.atomic import atomic_path
from loam.raster.grid import crs_of, geobox_of, open_raster, tiles_of

BLOCK = 256  # pixels a side, of chunks
READ = 2048  # pixels a side of what is copied at once
MOISTURE = "volume_fraction_of_condensed_water_in_soil"
EPOCH = date(1970, 1, 1)
TOLD = {
    "mean": "soil moisture, mean over the members",
    "std": "standard deviation of soil moisture over the members",
} | {
    name: f"{'lower' if side < 0 else 'upper'} end of the {100 * level:.0f} % interval of soil moisture"
    for name, (level, side) in BOUNDS.items()
}
GLOBAL = ("run", "model", "scenario", "trained_on", "software", "code", "config_hash", "created_from", "licence")


def write_netcdf(
    map_path: str | Path, path: str | Path, layers: Sequence[Mapping[str, Any]], day_boundary: str
) -> None:
    """Write the map beside it as netCDF.

    Args:
        map_path: the GeoTIFF, its day and what it was made from in its tags.
        path: netCDF to write.
        layers: the config's ``layers``: name, top_cm, bottom_cm.
        day_boundary: where the run's days begin; the bounds of the day are those instants, in UTC.

    Raises:
        RasterError: the map is damaged.
    """
    with (
        open_raster(map_path) as dataset,
        atomic_path(path) as temporary,
        netCDF4.Dataset(temporary, "w", format="NETCDF4") as file,
    ):
        tags = dataset.tags()
        file.setncatts(
            {
                "Conventions": "CF-1.8",
                "title": f"soil moisture of {tags['day']}, run {tags['run']}",
                "institution": "not stated",
                "source": f"{tags['software']}: {tags['model']}, scenario {tags['scenario']}",
                "history": f"{tags['day']}: mapped by {tags['software']}",
                "references": "tags of the GeoTIFF beside this file",
                "comment": tags.get("data_licences", ""),
            }
            | {name: tags[name] for name in GLOBAL if name in tags}
        )
        _write_axes(file, dataset, date.fromisoformat(tags["day"]), shift_of(day_boundary))
        for layer in layers:
            _write_depth(file, layer)
        _write_bands(file, dataset, [layer["name"] for layer in layers])


def _write_axes(file: netCDF4.Dataset, dataset: rasterio.DatasetReader, day: date, shift: timedelta) -> None:
    geobox, (height, width) = geobox_of(dataset), dataset.shape
    crs = crs_of(geobox)
    for name, size in (("time", 1), ("y", height), ("x", width), ("bounds", 2)):
        file.createDimension(name, size)
    time = file.createVariable("time", "f8", ("time",))
    time.setncatts({"standard_name": "time", "long_name": "middle of the day", "axis": "T", "calendar": "standard",
                    "units": "days since 1970-01-01 00:00:00", "bounds": "time_bounds"})  # fmt: skip
    start = (day - EPOCH).days - shift / timedelta(days=1)
    time[:] = start + 0.5
    file.createVariable("time_bounds", "f8", ("time", "bounds"))[:] = [[start, start + 1]]
    attributes = {axis["axis"].lower(): {key: value for key, value in axis.items() if value} for axis in crs.cs_to_cf()}
    transform = geobox.transform
    for name, first, step, size in (("y", transform.f, transform.e, height), ("x", transform.c, transform.a, width)):
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts(attributes[name])
        axis[:] = first + step * (np.arange(size) + 0.5)
    file.createVariable("crs", "i4").setncatts({key: value for key, value in crs.to_cf().items() if value is not None})


def _write_depth(file: netCDF4.Dataset, layer: Mapping[str, Any]) -> None:
    name, ends = f"{layer['name']}_depth", (layer["top_cm"] / 100, layer["bottom_cm"] / 100)
    depth = file.createVariable(name, "f8")
    depth.setncatts({"standard_name": "depth", "long_name": f"middle of layer {layer['name']}", "units": "m",
                     "positive": "down", "axis": "Z", "bounds": f"{name}_bounds"})  # fmt: skip
    depth[...] = sum(ends) / 2
    file.createVariable(f"{name}_bounds", "f8", ("bounds",))[:] = ends


def _write_bands(file: netCDF4.Dataset, dataset: rasterio.DatasetReader, layers: Sequence[str]) -> None:
    bands = {name: band for band, name in enumerate(dataset.descriptions, start=1)}
    chunks = (1, *(min(BLOCK, size) for size in dataset.shape))
    for layer in layers:
        own = [statistic for statistic in STATISTICS if f"{layer}_{statistic}" in bands]
        for statistic in own:
            name = f"{layer}_{statistic}"
            place = bands[name] - 1
            variable = file.createVariable(
                name, dataset.dtypes[place], ("time", "y", "x"), chunksizes=chunks, compression="zlib", complevel=4,
                shuffle=True, fill_value=dataset.nodatavals[place],
            )  # fmt: skip
            variable.set_auto_maskandscale(False)
            attributes = {"long_name": TOLD[statistic], "units": "m3 m-3", "grid_mapping": "crs",
                          "coordinates": f"{layer}_depth", "cell_methods": "time: mean"}  # fmt: skip
            if dataset.scales[place] != 1.0:
                attributes |= {"scale_factor": dataset.scales[place], "add_offset": dataset.offsets[place]}
            if statistic == OF_MEMBERS[0]:
                attributes |= {"standard_name": MOISTURE}
                attributes |= {
                    "ancillary_variables": " ".join(f"{layer}_{other}" for other in own if other != statistic)
                }
            variable.setncatts(attributes)
            for tile in tiles_of(geobox_of(dataset), READ):
                part = (0, slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width))
                variable[part] = dataset.read(bands[name], window=tile.window)
