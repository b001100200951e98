"""Files of the source domain's stations, in the layout of a download of the International Soil Moisture Network.

``<network>/<station>/`` holds one ``.stm`` a sensor (header and values, one value a day) and the static variables
(Dorigo et al., 2021). A few readings are wrong and carry the network's flag that says so; outages are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loam.io.atomic import write_text
from loam.sandbox.instruments.faults import OUTAGE_DAYS
from loam.sandbox.instruments.makes import SENSOR_NOISE, SENSOR_OFFSET
from loam.sandbox.instruments.sites import Site
from loam.sandbox.lattice import random_numbers

NETWORK, SENSOR = "SANDBOX", "Made-probe"
DEPTHS = ((0.05, 0.20, 0.50), (0.05, 0.10, 0.30, 0.50), (0.10, 0.30, 0.45))  # m, of stations in turn
OUTAGES_A_YEAR = 1.0
FLAGGED_SHARE, FLAG = 0.004, "D01"  # of readings that are wrong, and the network's flag of a spike by its own rule
LANDCOVERS = {  # codes and names of the ESA CCI land cover that the network's static variables have
    "PAST": (130, "Grassland"), "FORE": (50, "Tree cover, broadleaved, evergreen, Closed to open (>15%)"),
    "AGRI": (10, "Cropland, rainfed"), "SAVA": (120, "Shrubland"), "IRRI": (20, "Cropland, irrigated or post-flooding"),
}  # fmt: skip
STATIC_HEADER = (
    "quantity_name;unit;depth_from[m];depth_to[m];value;description;quantity_source_name;quantity_source_description;"
    "quantity_source_provider;quantity_source_version;quantity_source_resolution;quantity_source_timerange;"
    "quantity_source_url;"
)


def write_download(seed: int, sites: Sequence[Site], folder: Path) -> None:
    """Write ``folder/<network>/<station>/`` of all stations.

    Args:
        seed: of the world.
        sites: the stations; the readers name them ``<network>_<station>``.
        folder: of the download.
    """
    for number, site in enumerate(sites):
        rng = random_numbers(seed, "network station", number)
        place = folder / NETWORK / site.name
        place.mkdir(parents=True, exist_ok=True)
        out = _outages(rng, len(site.days))
        for depth in DEPTHS[number % len(DEPTHS)]:
            values, flags = _observed(rng, site.at_depth(100 * depth, 100 * depth))
            _write_series(place, site, "sm", depth, depth, f"{SENSOR}_{100 * depth:g}", values, flags, out)
        good = np.full(len(site.days), "G", dtype=object)
        _write_series(place, site, "ts", 0.05, 0.05, "Thermistor", site.soil_temperature(5.0), good, out)
        _write_series(place, site, "p", -1.0, -1.0, "Rain-gauge", site.rain, good, out)
        write_text(_static(site), place / f"{NETWORK}_{NETWORK}_{site.name}_static_variables.csv")


def _observed(rng: np.random.Generator, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a sensor reports of true moisture [day], and the network's flags."""
    values = true + SENSOR_OFFSET * rng.standard_normal() + SENSOR_NOISE * rng.standard_normal(len(true))
    wrong = rng.random(len(true)) < FLAGGED_SHARE
    values = np.where(wrong, values * rng.uniform(0.3, 0.6, len(true)), values)
    return np.maximum(values, 0.001), np.where(wrong, FLAG, "G").astype(object)


def _outages(rng: np.random.Generator, days: int) -> np.ndarray:
    out = np.zeros(days, bool)
    for _ in range(rng.poisson(OUTAGES_A_YEAR * days / 365.25)):
        first = int(rng.integers(0, days))
        out[first : first + int(rng.integers(*OUTAGE_DAYS))] = True
    return out


def _write_series(
    folder: Path, site: Site, variable: str, top: float, bottom: float, sensor: str, values: np.ndarray,
    flags: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    days = site.days[~out]
    name = f"{NETWORK}_{NETWORK}_{site.name}_{variable}_{top:.6f}_{bottom:.6f}_{sensor}"
    name += f"_{days[0]:%Y%m%d}_{days[-1]:%Y%m%d}.stm"
    header = (
        f"{NETWORK} {NETWORK} {site.name} {site.latitude:.5f} {site.longitude:.5f} {site.elevation:.1f} "
        f"{top:.4f} {bottom:.4f} '{sensor}'"
    )
    texts = days.strftime("%Y/%m/%d 12:00")
    lines = [
        f"{text} {value:.4f} {flag} M"
        for text, value, flag in zip(texts, values[~out].tolist(), flags[~out].tolist(), strict=True)
    ]
    write_text("\n".join([header, *lines]) + "\n", folder / name)


def _static(site: Site) -> str:
    """Static variables: saturation and texture of two layers, land cover."""
    rows = [STATIC_HEADER]
    for top, bottom in ((0.0, 0.3), (0.3, 1.0)):
        depths = f"{top:.2f};{bottom:.2f}"
        rows.append(f"saturation;m^3*m^-3;{depths};{site.porosity:.3f};;made;;;;;;;")
        for name, value in (("clay", site.clay), ("sand", site.sand), ("silt", 100.0 - site.clay - site.sand)):
            rows.append(f"{name} fraction;% weight;{depths};{value:.2f};;made;;;;;;;")
    code, name = LANDCOVERS[site.landcover]
    rows += [f"land cover classification;;;;{code};{name};CCI_landcover_{year};;;;;;;" for year in (2000, 2005, 2010)]
    rows.append("climate classification;;;;Cfb;Temperate;koeppen_geiger_2007;;;;;;;")
    return "\n".join(rows) + "\n"
