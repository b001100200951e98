"""Probes in the region of ``cube_world``: their stations and daily moisture, as ``prepare_probes`` leaves them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj

LAYERS = [
    {"name": "surface", "top_cm": 0, "bottom_cm": 30, "column": "x"},
    {"name": "subsurface", "top_cm": 30, "bottom_cm": 60, "column": "y"},
]
DAYS = pd.date_range("2020-02-20", "2020-03-10")


def stations_at(grid, places) -> pd.DataFrame:
    rows, cols = np.array(list(places.values())).T
    longitude, latitude = pyproj.Transformer.from_crs(28355, 4326, always_xy=True).transform(
        *grid.centres_of(rows, cols)
    )
    frame = pd.DataFrame({"station": list(places), "latitude": latitude, "longitude": longitude, "elevation": 1.0})
    frame = frame.assign(bulk_density=np.nan, porosity=np.nan, landcover="crop", soil="clay")
    return frame.assign(days=1, first_day=DAYS[0], last_day=DAYS[-1], note="")


def moisture_of(*names: str, days=DAYS, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = [
        pd.DataFrame({"station": name, "date": days, "layer": layer["name"], "moisture": moisture})
        for name in names
        for layer, moisture in zip(LAYERS, rng.uniform(0.1, 0.4, (2, len(days))), strict=True)
    ]
    return pd.concat(frames, ignore_index=True).assign(n_readings=24, qc=0)
