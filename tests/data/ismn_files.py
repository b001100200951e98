"""Files in the layouts of an ISMN download, made from numbers given by the test (no byte of the network's data)."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

STATIC_HEADER = (
    "quantity_name;unit;depth_from[m];depth_to[m];value;description;quantity_source_name;quantity_source_description;"
    "quantity_source_provider;quantity_source_version;quantity_source_resolution;quantity_source_timerange;"
    "quantity_source_url;"
)


@dataclass(frozen=True)
class Series:
    """One sensor's series; depths in m, as the network writes them; flags one a value, or one for all."""

    variable: str
    depth_from: float
    depth_to: float
    sensor: str
    times: pd.DatetimeIndex
    values: Sequence[float]
    flags: Sequence[str] | str = "G"


def write_station(
    folder: Path,
    network: str,
    station: str,
    series: Iterable[Series],
    *,
    layout: str = "header",
    latitude: float = -35.0,
    longitude: float = 146.0,
    elevation: float = 120.0,
    static: bool = True,
) -> Path:
    """Write ``folder/network/station`` in layout "header" (Header+values) or "ceop" (one long line a reading)."""
    place = folder / network / station
    place.mkdir(parents=True, exist_ok=True)
    code = network.replace("_", "-")
    for item in series:
        flags = [item.flags] * len(item.values) if isinstance(item.flags, str) else item.flags
        name = (
            f"{code}_{code}_{station}_{item.variable}_{item.depth_from:.6f}_{item.depth_to:.6f}_{item.sensor}"
            f"_{item.times[0]:%Y%m%d}_{item.times[-1]:%Y%m%d}.stm"
        )
        site = f"{code} {code} {station} {latitude:.5f} {longitude:.5f} {elevation:.1f}"
        depths = f"{item.depth_from:.4f} {item.depth_to:.4f}"
        readings = zip(item.times, item.values, flags, strict=True)
        if layout == "header":
            lines = [f"{site} {depths} '{item.sensor}'"]
            lines += [f"{time:%Y/%m/%d %H:%M} {value:.4f} {flag} M" for time, value, flag in readings]
        else:
            lines = [
                f"{time:%Y/%m/%d %H:%M} {time:%Y/%m/%d %H:%M} {site} {depths} {value:.4f} {flag} M"
                for time, value, flag in readings
            ]
        (place / name).write_text("\n".join(lines) + "\n", encoding="ascii")
    if static:
        write_static(place / f"{code}_{code}_{station}_static_variables.csv")
    return place


def write_static(path: Path) -> None:
    """The static variables of a station: saturation and texture of two layers, land cover, climate."""
    rows = [STATIC_HEADER]
    for top, bottom, saturation, clay, sand, silt in ((0.0, 0.3, 0.46, 23, 36, 41), (0.3, 1.0, 0.44, 29, 29, 42)):
        depths = f"{top:.2f};{bottom:.2f}"
        rows.append(f"saturation;m^3*m^-3;{depths};{saturation:.2f};;made;;;;;;;")
        for name, value in (("clay", clay), ("sand", sand), ("silt", silt)):
            rows.append(f"{name} fraction;% weight;{depths};{value:.2f};;made;;;;;;;")
    for year in (2000, 2005, 2010):
        rows.append(f"land cover classification;;;;130;Grassland;CCI_landcover_{year};;;;;;;")
    rows.append("climate classification;;;;Cfa;Temperate;koeppen_geiger_2007;;;;;;;")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def pack(folder: Path) -> Path:
    """The folder as a zip beside it, as the network delivers it."""
    return Path(shutil.make_archive(str(folder), "zip", folder))
