"""A file that is whole, but for one value, name, attribute or member: read as it should be, or refused by its name.

``tests/faults/mutate.py`` changes what a format holds: values of JSON, YAML and XML, members of a zip, attributes of a
netCDF, types of columns. As in ``test_mutated_inputs``, ``LOAM_FAULTS`` sets how many are tried a door.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import torch
import xarray as xr
import yaml
from affine import Affine
from networks import a_network
from ozflux_files import Variable, write_tower
from oznet_files import season_rows, write_csv, write_xls
from probe_settings import probes_at
from sentinel1_files import write_product, zip_product
from sentinel2_files import write_safe, zipped

from loam.acquire.access import Access
from loam.acquire.acquire_plan import check_acquire
from loam.acquire.catalogue import dataset_of
from loam.acquire.local.layout import read_layout
from loam.acquire.local.local_source import LocalSource
from loam.acquire.region import geobox_of_run
from loam.config.settings import load_config
from loam.covariates.build.land import build_grid
from loam.covariates.store import (
    atomic_store,
    create_days,
    create_map,
    days_of,
    describe_grid,
    grid_of_group,
    open_store,
    read_cells,
)
from loam.errors import LoamError
from loam.evaluation.map_score import score_map
from loam.probes.ozflux import read_ozflux
from loam.probes.oznet import read_oznet
from loam.sentinel1.calibration import calibration_of
from loam.sentinel1.orbit import choose_orbit, read_orbit_file
from loam.sentinel1.product import open_product as open_sentinel1
from loam.sentinel2.deliveries import open_product as open_sentinel2
from loam.training.card import load_members, write_members

from . import test_mutated_inputs as inputs
from .mutate import damage_netcdf, damaged, damaged_json, damaged_text, damaged_values, damaged_xml, damaged_zip

CPU_SECONDS = 60  # of one read; what takes longer hangs
GRID = {"crs": "EPSG:28355", "bounds": [540_000, 5_356_800, 543_200, 5_360_000], "resolution": 80}
CONFIG = Path(__file__).resolve().parents[2] / "config"
EPOCH = np.datetime64("2021-08-09", "ns")


@dataclass(frozen=True)
class Door:
    """A way in: ``write`` makes the sound file, ``change`` spoils its bytes by a seed, ``read`` goes through it."""

    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    change: Callable[[Path, bytes, int], None]


def by(change: Callable[[bytes, int], bytes]) -> Callable[[Path, bytes, int], None]:
    """The change of a file's bytes."""
    return lambda path, sound, seed: path.write_bytes(change(sound, seed)) and None


def attributes(path: Path, sound: bytes, seed: int) -> None:
    """An attribute of a netCDF; in a new file, for a library may hold the one before open."""
    path.unlink()
    path.write_bytes(sound)
    damage_netcdf(path, seed)


def columns(path: Path, sound: bytes, seed: int) -> None:
    """Another type for a column of a Parquet table, nested ones among them."""
    path.write_bytes(sound)
    rng = np.random.default_rng(seed)
    table = pq.read_table(path).replace_schema_metadata()
    name = table.column_names[rng.integers(0, table.num_columns)]
    values = table[name].to_pylist()
    makes = [
        lambda value: [value], lambda value: {"a": value}, str, lambda value: str(value).encode(), lambda _: None,
        lambda _: True, lambda _: pd.Timestamp("2021-03-01"), lambda _: float("nan"), lambda _: 1e20, lambda _: -999,
        lambda _: pd.Timedelta("1h"), lambda value: [[value], []],
    ]  # fmt: skip
    made = pa.array([makes[seed % len(makes)](value) for value in values])
    place = table.column_names.index(name)
    kind = rng.integers(0, 4)
    if kind == 0:
        table = table.append_column(name, table[name])
    elif kind == 1:
        table = table.set_column(place, name, table[name].dictionary_encode())
    else:
        table = table.set_column(place, name, made)
    pq.write_table(table, path)


# Sentinel-1


def unsigned(folder: Path) -> Path:
    """A product whose manifest has no checksums, so that a change of an annotation reaches its reader."""
    safe = write_product(folder)
    manifest = safe / "manifest.safe"
    manifest.write_text(re.sub(r"<checksum.*?</checksum>", "", manifest.read_text()))
    return safe


def of_unsigned(pattern: str) -> Callable[[Path], Path]:
    return lambda folder: next(unsigned(folder).rglob(pattern))


def read_sentinel1(path: Path) -> None:
    product = open_sentinel1(next((part for part in path.parents if part.suffix == ".SAFE"), path))
    for channel in product.channels.values():
        annotation = channel.annotation
        calibrate = calibration_of(channel)
        choose_orbit(annotation.orbit, annotation.start, annotation.stop, prefer="annotated")
        assert calibrate is not None


def read_orbit(path: Path) -> None:
    vectors = read_orbit_file(path, EPOCH)
    choose_orbit(vectors, vectors.time[5], vectors.time[-5], files=[path], prefer="precise")


# Probes


def ozflux(folder: Path) -> Path:
    times = pd.date_range("2015-01-01 00:30", periods=24, freq="30min")
    series = {"Sws": Variable([0.2] * 24, height="-0.1m"), "Ts": Variable([20.0] * 24, "degC", "-0.05m"),
              "Ta": Variable([30.0] * 24, "degC", "2m"), "Precip": Variable([0.2] * 24, "mm", "0.6m")}  # fmt: skip
    return write_tower(folder / "tower.nc", times, series)


def read_tower(path: Path) -> None:
    list(read_ozflux(probes_at("ozflux", path=path)).readings)


def season(folder: Path) -> list[list]:
    pd.DataFrame({"station": ["Y1"], "latitude": -34.6, "longitude": 145.8}).to_csv(folder / "s.csv", index=False)
    times = pd.date_range("2006-09-01", periods=30, freq="20min")
    series = {"Temp 2.5cm": ("degC", [10.0] * 30), "SM 0-5cm": ("%vol", [20.5] * 30)}
    return season_rows("Somewhere (Y1)", times, series, serial=True)


def read_season_file(path: Path) -> None:
    list(read_oznet(probes_at("oznet", path=str(path.parent), stations=str(path.parent.parent / "s.csv"))).readings)


def of_icos(pattern: str) -> Callable[[Path], Path]:
    return lambda folder: next(inputs.icos(folder).parent.glob(pattern))


# Stores, cards, configs


def store(folder: Path) -> Path:
    path = folder / "month.zarr"
    with atomic_store(path) as group:
        own = group.create_group("weather")
        describe_grid(own, geobox_of_run(GRID))
        create_days(own, "time", ["2021-03-01", "2021-03-02"])
        array, _ = create_map(own, "rain", (40, 40), 16, leading={"time": 2}, attributes={"units": "mm"})
        array[:] = np.random.default_rng(0).gamma(1, 2, (2, 40, 40)).astype(np.float32)
    return path


def files_of(path: Path, sound: bytes, seed: int) -> None:
    """One file of a store damaged, its descriptions by value as well."""
    shutil.rmtree(path)
    store(path.parent)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    file = files[seed % len(files)]
    change = damaged_json if file.suffix == ".json" and seed % 2 else damaged
    file.write_bytes(change(file.read_bytes(), seed))


def read_store(path: Path) -> None:
    group = open_store(path)["weather"]
    assert days_of(group, "time").dtype == "datetime64[D]"
    grid_of_group(group)
    assert read_cells(group["rain"], np.arange(8), np.arange(8), (slice(0, 2),)).shape == (2, 8)


def card(folder: Path) -> Path:
    settings = {"hidden": [16, 16], "frozen": 1, "output": "logistic"}
    network = a_network("mlp", settings, (2, 0, 0), 1)
    parameters = {name: torch.stack([value.detach()] * 2) for name, value in network.named_parameters()}
    scaler = {"mean": [0.1, 0.2], "std": [1.0, 2.0]}
    content = {
        "model": "mlp", "network": settings, "family": {}, "training": {"loss": "concordance"}, "shape": [2, 0, 0],
        "layers": ["surface"], "features": ["clay", "soc"],
        "members": [{"fold": 1, "scaler": scaler}, {"fold": 2, "scaler": scaler}],
        "range": {"minimum": [0, 0], "maximum": [1, 1], "classes": {"cover": [1, 2]}},
    }  # fmt: skip
    write_members([parameters], content, folder / "weights.safetensors", folder / "card.json")
    return folder / "card.json"


def read_card(path: Path) -> None:
    members = load_members(path.parent / "weights.safetensors", path.parent / "card.json")
    mean, std = torch.as_tensor(members.scaler.mean), torch.as_tensor(members.scaler.std)
    assert torch.isfinite(mean).all() and (std > 0).all()
    network, _ = members.network_of(0)
    network({"static": torch.zeros(3, 2), "sequence": torch.zeros(3, 0, 0)})


def config(folder: Path) -> Path:
    """The default run with that of Tasmania over it, as Snakemake merges them."""
    path = folder / "config.json"
    base, over = (yaml.safe_load((CONFIG / f"{name}.yaml").read_text()) for name in ("config", "tasmania"))
    path.write_text(json.dumps(merged(base, over), default=str))
    return path


def merged(base: dict, over: dict) -> dict:
    return base | {
        key: merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in over.items()
    }


def read_config(path: Path) -> None:
    settings = load_config(json.loads(path.read_text()))
    check_acquire(settings)
    if settings["mapping"]["grid"]["crs"] is not None and not settings["mapping"]["grid"]["like"]:
        height, width = geobox_of_run(settings["mapping"]["grid"]).shape
        assert height > 0 and width > 0


def grid_numbers(path: Path, sound: bytes, seed: int) -> None:
    """The grid of a config with one of its values changed, or its CRS one of those that people write."""
    content = json.loads(sound)
    grid = content["mapping"]["grid"]
    texts = ["EPSG:99999", "28355", "GDA94", "EPSG:4326", "EPSG:32755", "+proj=utm", "my.prj", "EPSG:4978", "LOCAL", "",
             "EPSG:", "urn:ogc:def:crs:EPSG::28355", "EPSG:5773", "WGS 84", "PROJCS[", "OGC:CRS84"]  # fmt: skip
    rng = np.random.default_rng(seed)
    if seed % 2:
        grid["crs"] = texts[rng.integers(0, len(texts))]
    else:
        content["mapping"]["grid"] = damaged_values(grid, seed)
    if seed % 3 == 0:
        grid["bounds"] = [146.0, -43.6, 148.4, -40.6]
        grid["resolution"] = float(rng.choice([0.1, 0.001, 80]))
    path.write_text(json.dumps(content))


# Maps


def landcover(folder: Path) -> Path:
    path = folder / "corine.tif"
    codes = np.full((60, 60), 231, np.uint16)
    codes[:, :20] = 523
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "height": 60, "width": 60, "crs": "EPSG:28355",
               "transform": Affine(80, 0, 539_200, 0, -80, 5_360_800), "nodata": 0, "compress": "deflate"}  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(codes, 1)
    return path


def elevation(folder: Path) -> Path:
    path = folder / "elevation.tif"
    values = 300 + np.random.default_rng(0).normal(0, 5, (60, 60)).astype(np.float32)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 60, "width": 60, "crs": "EPSG:28355",
               "transform": Affine(80, 0, 539_200, 0, -80, 5_360_800), "nodata": -9999, "tiled": True,
               "blockxsize": 16, "blockysize": 16}  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(values, 1)
        dataset.units = ("m",)
    return path


def read_elevation(path: Path) -> None:
    source = LocalSource(
        dataset_of("terrain_local"), Access(folders={"terrain_local": str(path.parent)}), path.parent / "w"
    )
    values = source.read_map("elevation", geobox_of_run(GRID))
    assert (np.isnan(values) | ((values >= -500) & (values <= 9000))).all()


def layout(folder: Path) -> Path:
    path = folder / "layout.yaml"
    path.write_text(json.dumps({"units": {"rain": "mm", "tmin": "degC"}, "nodata": {"rain": -99}, "crs": "EPSG:4326"}))
    return path


def read_layout_of(path: Path) -> None:
    read_layout(path.parent, dataset_of("weather_grids"))


def scored(name: str) -> Callable[[Path], Path]:
    """A map, its trust and the truth of it."""

    def write(folder: Path) -> Path:
        fields = {"surface_mean": np.full((40, 40), 0.2), "surface_std": np.full((40, 40), 0.02)}
        trust = {"inside_training_range": np.ones((40, 40))}
        for file, bands, kind in (("map.tif", fields, "float32"), ("trust.tif", trust, "uint8")):
            profile = {"driver": "GTiff", "dtype": kind, "count": len(bands), "height": 40, "width": 40,
                       "crs": "EPSG:28355", "transform": Affine(80, 0, 540_000, 0, -80, 5_360_000)}  # fmt: skip
            with rasterio.open(folder / file, "w", **profile) as dataset:
                for number, (band, values) in enumerate(bands.items(), start=1):
                    dataset.write(values.astype(kind), number)
                    dataset.set_band_description(number, band)
        box = geobox_of_run(GRID)
        x, y = 540_040 + 80 * np.arange(40.0), 5_359_960 - 80 * np.arange(40.0)
        truth = xr.Dataset(
            {"surface": (("time", "y", "x"), np.full((1, 40, 40), 0.25, np.float32), {"grid_mapping": "crs"}),
             "landcover": (("y", "x"), np.ones((40, 40), np.uint8), {"grid_mapping": "crs", "flag_meanings": "PAST",
                                                                     "flag_values": np.array([1], np.uint8)})},
            coords={"time": pd.DatetimeIndex(["2021-03-01"]), "y": y, "x": x},
        )  # fmt: skip
        truth["crs"] = ((), np.int32(0), box.crs.proj.to_cf())
        truth.to_netcdf(folder / "truth.nc", engine="netcdf4")
        return folder / name

    return write


def read_scored(path: Path) -> None:
    files = (path.parent / name for name in ("map.tif", "trust.tif", "truth.nc"))
    table = score_map(*files, ["surface"], "2021-03-01")
    assert (table["n"] >= 0).all()


DOORS = {
    "Sentinel-1 annotation": Door(of_unsigned("annotation/s1*-vv-*.xml"), read_sentinel1, by(damaged_xml)),
    "Sentinel-1 calibration": Door(of_unsigned("calibration-*-vv-*.xml"), read_sentinel1, by(damaged_xml)),
    "Sentinel-1 noise": Door(of_unsigned("noise-*-vv-*.xml"), read_sentinel1, by(damaged_xml)),
    "Sentinel-1 manifest": Door(of_unsigned("manifest.safe"), read_sentinel1, by(damaged_xml)),
    "Sentinel-1 measurement": Door(of_unsigned("*-vv-*.tiff"), read_sentinel1, by(damaged)),
    "Sentinel-1 zip": Door(lambda folder: zip_product(unsigned(folder)), read_sentinel1, by(damaged_zip)),
    "orbit file": Door(inputs.orbit, read_orbit, by(damaged_xml)),
    "Sentinel-2 item": Door(inputs.item, inputs.read_item_of, by(damaged_json)),
    "Sentinel-2 metadata": Door(inputs.of_safe("MTD_MSIL2A.xml"), inputs.read_safe_around, by(damaged_xml)),
    "Sentinel-2 zip": Door(lambda folder: zipped(write_safe(folder)), open_sentinel2, by(damaged_zip)),
    "ISMN zip": Door(inputs.download, inputs.read_download, by(damaged_zip)),
    "ICOS variables": Door(of_icos("*VARINFO*"), lambda path: inputs.DOORS["ICOS series"].read(path), by(damaged_text)),
    "ICOS site": Door(of_icos("*SITEINFO*"), lambda path: inputs.DOORS["ICOS series"].read(path), by(damaged_text)),
    "OzNet sheet": Door(lambda folder: write_csv(folder / "y" / "y1_06_sp_sm.csv", season(folder)), read_season_file,
                        by(damaged_text)),
    "OzNet workbook": Door(lambda folder: write_xls(folder / "y" / "y1_06_sp_sm.xls", season(folder)), read_season_file,
                           by(damaged)),
    "OzFlux tower": Door(ozflux, read_tower, by(damaged)),
    "OzFlux attributes": Door(ozflux, read_tower, attributes),
    "weather attributes": Door(inputs.netcdf, inputs.read_weather, attributes),
    "attributes of a map": Door(inputs.netcdf, inputs.read_netcdf_cells, attributes),
    "columns of a table": Door(inputs.parquet, inputs.read_table, columns),
    "store": Door(store, read_store, files_of),
    "card": Door(card, read_card, by(damaged_json)),
    "weights": Door(lambda folder: card(folder).with_name("weights.safetensors"), read_card, by(damaged)),
    "config": Door(config, read_config, by(damaged_json)),
    "grid of the config": Door(config, read_config, grid_numbers),
    "land cover": Door(landcover, lambda path: build_grid(GRID, 16, path, path.with_name("land.tif")), by(damaged)),
    "elevation": Door(elevation, read_elevation, by(damaged)),
    "layout": Door(layout, read_layout_of, by(damaged_json)),
    "map to score": Door(scored("map.tif"), read_scored, by(damaged)),
    "trust of a map": Door(scored("trust.tif"), read_scored, by(damaged)),
    "truth": Door(scored("truth.nc"), read_scored, attributes),
    "truth, damaged": Door(scored("truth.nc"), read_scored, by(damaged)),
}  # fmt: skip
CONFIGS = {"config", "grid of the config"}  # errors name the key


@contextmanager
def limited() -> Iterator[None]:
    """Raise a TimeoutError in what uses too much CPU time: it would go on for ever."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done after {CPU_SECONDS} s of CPU time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def names_it(name: str, path: Path, error: LoamError) -> bool:
    text = str(error)
    return path.name in text or path.parent.name in text or (name in CONFIGS and "config" in text)


@pytest.mark.parametrize("name", DOORS)
def test_the_sound_file_is_read(tmp_path, name):
    DOORS[name].read(DOORS[name].write(tmp_path))


@pytest.mark.filterwarnings("ignore")  # libraries warn of damage too
@pytest.mark.parametrize("name", DOORS)
def test_a_change_is_an_error_that_names_the_file_or_does_no_harm(tmp_path, name):
    door = DOORS[name]
    path = door.write(tmp_path)
    sound = path.read_bytes() if path.is_file() else b""
    wrong = []
    for seed in range(inputs.COUNT):
        door.change(path, sound, seed)
        try:
            with warnings.catch_warnings(), limited():
                warnings.simplefilter("ignore")
                door.read(path)
        except LoamError as error:
            if not names_it(name, path, error):
                wrong.append(f"seed {seed}: does not name the file: {error}")
        except Exception as error:
            wrong.append(f"seed {seed}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong[:20])
