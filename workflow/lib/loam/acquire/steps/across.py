"""Fields of a box that lies across the 180th meridian: asked for on either side of it, and joined."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyproj
import xarray as xr

from loam.acquire.canonical.canonical import GEOGRAPHIC, PROJECTED
from loam.acquire.source import Bounds, Fields, Source
from loam.errors import AcquireError
from loam.raster.dateline import parts_of, period_of

WIDE = 1.5  # of a step; a wider gap between the two sides is no grid


def read_across(source: Source, bounds: Bounds, days: Sequence[date]) -> Fields:
    """``source.read_fields`` of a box that may lie across the meridian; x then goes on beyond it.

    Raises:
        AcquireError: the two sides are no one grid.
    """
    parts = [source.read_fields(part, days) for part in parts_of(bounds)]
    if len(parts) == 1:
        return parts[0]
    west, east = parts
    where = f"{source.dataset.name} from {source.back_end}, either side of the 180th meridian"
    until = [part.published_until for part in parts if part.published_until is not None]
    return Fields(
        join(west.data, east.data, where), np.minimum(west.found, east.found), west.provisional | east.provisional,
        max(until, default=None),
    )  # fmt: skip


def join(west: xr.Dataset, east: xr.Dataset, where: str) -> xr.Dataset:
    """The cells of both, those of ``east`` moved by the width of the world; cells that both hold come once."""
    names = next((pair for pair in (GEOGRAPHIC, PROJECTED) if set(pair) <= set(west.sizes)), None)
    if names is None or not set(names) <= set(east.sizes) or west.attrs.get("crs") != east.attrs.get("crs"):
        raise AcquireError("came in two coordinate reference systems, or without one", where=where)
    (y, x), period = names, period_of(pyproj.CRS.from_user_input(west.attrs["crs"]))
    first, second = west[x].to_numpy().astype(float), east[x].to_numpy().astype(float)
    if period:
        second = second + period * max(0.0, np.ceil((first.mean() - second.mean()) / period))
    step = float(np.median(np.abs(np.diff(np.sort(first)))))
    new = second > first.max() + step / 2
    if not new.any() or second[new].min() - first.max() > WIDE * step:
        raise AcquireError(
            f"its cells end at {x} {first.max():g} and go on at {second.max():g}", where=where,
            expected="one grid that goes on across the meridian", fix="choose a dataset that covers both sides",
        )  # fmt: skip
    if len(west[y]) == len(east[y]) and np.allclose(west[y], east[y], rtol=0, atol=1e-6 * abs(step)):
        moved = east.assign_coords({x: second, y: west[y].to_numpy()}).isel({x: np.flatnonzero(new)})
        return xr.concat([west, moved], x, data_vars="minimal", coords="minimal", compat="override", join="exact")
    falling = float(west[y][0]) > float(west[y][-1])
    return west.combine_first(east.assign_coords({x: second})).sortby(y, ascending=not falling).assign_attrs(west.attrs)
