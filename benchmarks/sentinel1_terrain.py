"""Sentinel-1: terrain correction against sarsen, and the whole chain over a full scene.

    python benchmarks/sentinel1_terrain.py [--product SAFE] [--sections terrain,scene] [--sarsen-python PYTHON]

Both need the metadata of one real IW product (``--product``; the one over Rome of the shared data if not given) and
draw its image: 4.4-look speckle of one mean, which costs what any image does. Prints Markdown tables.

Terrain correction: 10 m pixels from the 10 m image, bilinear, on the pixels of the elevation model, as sarsen does it.
sarsen is installed into a virtual environment of its own, or taken from ``--sarsen-python``; without it the section
says so. loam's time is that of the whole pass (border and calibration included) and of terrain correction alone
(heights, positions, resampling, both incidence angles, layover and shadow, with the image calibrated in memory).

Whole chain: one polarisation of the whole scene to 80 m, with and without the speckle filter; wall and CPU time, peak
memory, CPU time by step, and what cannot be avoided: reading the image once, filtering each of its pixels once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "lib"), str(ROOT / "tests" / "data")]

from loam.config.sections.sentinel1 import Sentinel1, Speckle  # noqa: E402

SARSEN = "sarsen==0.9.6"
SIDE = 1200  # output pixels a side in the first section
LOOKS = 4.4
SETTINGS = Sentinel1(orbit="annotated", speckle=Speckle(filter="none", looks=LOOKS))
STEPS = {
    "border, once over the image": ("image", "find_border"),
    "read": ("measurement.Measurement", "read"),
    "noise and calibration": ("calibration.Calibration", "calibrate"),
    "border of windows": ("border.Border", "mask"),
    "speckle filter": ("image", "improved_lee_sigma"),
    "heights": ("elevation", "ellipsoidal_heights"),
    "positions": ("scene", "solve_positions"),
    "resampling": ("image", "gather"),
    "incidence angles": ("scene", "incidence"),
    "layover and shadow": ("scene", "layover_and_shadow"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--product", type=Path, help="SAFE folder or zip of an IW product, annotation and tables")
    parser.add_argument("--sections", default="terrain,scene")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the data go, 2 GB; kept if given")
    parser.add_argument("--sarsen-python", type=Path, help="an interpreter that has sarsen")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--arguments", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(TASKS[options.task](**json.loads(options.arguments))))
        return
    shared = ROOT.parent / "shared" / "data" / "sentinel" / "grd"
    product = options.product or next(iter(sorted(shared.glob("S1B_IW_GRDH_*.SAFE"))), None)
    if product is None:
        sys.exit("no product: name one with --product")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        safe = folder / f"{product.name.removesuffix('.zip').removesuffix('.SAFE')}.SAFE"
        if not safe.exists():
            draw_product(product, safe)
        if "terrain" in options.sections:
            terrain_section(safe, folder, options)
        if "scene" in options.sections:
            scene_section(safe, folder, options)


def draw_product(template: Path, safe: Path) -> None:
    """The template's metadata of VV, and an image of speckle, written by blocks."""
    import numpy as np
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.windows import Window
    from sentinel1_simulate import copy_metadata, measurement_name

    from loam.sentinel1.product import open_product

    product = open_product(template)
    annotation = product.channel("vv").annotation
    copy_metadata(product.safe, safe, ["vv"])
    (safe / "measurement").mkdir()
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    random = np.random.default_rng(1)
    with rasterio.open(
        safe / "measurement" / measurement_name(product.safe, "vv"), "w", driver="GTiff", height=annotation.lines,
        width=annotation.samples, count=1, dtype="uint16",
    ) as output:  # fmt: skip
        texture = np.exp(random.normal(0, 0.4, (annotation.lines // 20 + 2, annotation.samples // 20 + 2)))
        for line in range(0, annotation.lines, 1000):
            lines = min(1000, annotation.lines - line)
            rows = (line + np.arange(lines)) // 20
            mean = np.repeat(texture[rows], 20, axis=1)[:, : annotation.samples]
            amplitude = np.sqrt(60000 * mean * random.gamma(LOOKS, 1 / LOOKS, mean.shape))
            output.write(amplitude.astype("uint16"), 1, window=Window(0, line, annotation.samples, lines))


def make_ground(path: Path, transform: object, shape: tuple[int, int], crs: str) -> None:
    """Hills of 300 m, heights above the ellipsoid, by blocks."""
    import numpy as np
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(
        path, "w", driver="GTiff", height=shape[0], width=shape[1], count=1, dtype="float32", crs=crs,
        transform=transform, nodata=-9999, tiled=True,
    ) as output:  # fmt: skip
        output.update_tags(vertical_datum="WGS84 ellipsoid")
        x = transform.c + transform.a * (np.arange(shape[1]) + 0.5)
        for row in range(0, shape[0], 256):
            rows = min(256, shape[0] - row)
            y = transform.f + transform.e * (row + np.arange(rows) + 0.5)
            heights = 350 + 300 * np.sin(x / 1500) * np.cos(y[:, None] / 1900)
            output.write(heights.astype("float32"), 1, window=Window(0, row, shape[1], rows))


def extent(safe: Path) -> tuple[str, list[float], list[float]]:
    """UTM zone of a product, and its geolocation points there: x and y."""
    import pyproj

    from loam.sentinel1.product import open_product

    annotation = open_product(safe).channel("vv").annotation
    points = annotation.points
    zone = int((points.longitude.mean() + 180) // 6) + 1
    crs = f"EPSG:{(32600 if points.latitude.mean() > 0 else 32700) + zone}"
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(points.longitude, points.latitude)
    return crs, list(x), list(y)


def in_process(task: str, python: Path | None = None, **arguments: object) -> dict:
    """What a task of this file gives, run in a process of its own."""
    done = subprocess.run(
        [str(python or sys.executable), __file__, "--task", task, "--arguments", json.dumps(arguments)],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{task} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def terrain_section(safe: Path, folder: Path, options: argparse.Namespace) -> None:
    from affine import Affine

    crs, x, y = extent(safe)
    transform = Affine(10, 0, round(sum(x) / len(x)) - 5 * SIDE, 0, -10, round(sum(y) / len(y)) + 5 * SIDE)
    dem, output = folder / "dem_10m.tif", folder / "terrain.tif"
    make_ground(dem, transform, (SIDE, SIDE), crs)
    pixels = SIDE**2 / 1e6
    arguments = {"safe": str(safe), "dem": str(dem), "output": str(output)}
    rows = [
        ("loam, whole pass, one thread", in_process("loam_pass", threads=1, **arguments)),
        (f"loam, whole pass, {options.threads} threads", in_process("loam_pass", threads=options.threads, **arguments)),
        ("loam, terrain correction alone, one thread", in_process("loam_terrain", **arguments)),
    ]
    rival = sarsen_python(folder, options.sarsen_python)
    if rival:
        arguments["output"] = str(folder / "sarsen.tif")
        rows.append((f"{SARSEN}, its own threads", in_process("sarsen_pass", rival, **arguments)))
    print(f"## Terrain correction\n\n{pixels:.2f} Mpx of 10 m, bilinear, one polarisation\n")
    print("| method | wall, s/Mpx of output | CPU, s/Mpx | peak memory, GB |")
    print("|---|---|---|---|")
    for name, spent in rows:
        print(
            f"| {name} | {spent['wall'] / pixels:.2f} | {spent['cpu'] / pixels:.2f} | {spent['peak']:.1f} |"
        )  # fmt: skip
    if rival:
        alone, theirs = rows[2][1], rows[-1][1]
        ratios = ", ".join(
            f"{theirs[kind] / alone[kind]:.0f} ({label}; over loam's whole pass {theirs[kind] / rows[0][1][kind]:.0f})"
            for kind, label in (("wall", "wall time"), ("cpu", "CPU time"))
        )
        print(f"\nsarsen over loam's terrain correction alone: {ratios}.")
        print(f"{agreement(folder / 'terrain.tif', folder / 'sarsen.tif')}\n")
    else:
        print("\nSKIPPED: sarsen could not be installed; no rival.\n")


def sarsen_python(folder: Path, given: Path | None) -> Path | None:
    if given:
        return given
    python = folder / "sarsen" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "sarsen"], check=True, capture_output=True)
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", SARSEN], capture_output=True, text=True)
    return None if installed.returncode else python


def agreement(ours: Path, theirs: Path) -> str:
    """How far the two images are from each other on the map; theirs is beta0, ours sigma0: sin(incidence) between."""
    import numpy as np
    import rasterio

    with rasterio.open(ours) as dataset:
        first = dataset.read(1)
    with rasterio.open(theirs) as dataset:
        second = dataset.read(1).astype(float)
        if dataset.transform.e > 0:  # rows from south to north
            second = second[::-1]
    ratio = np.nanmedian(first / second)
    there = np.isfinite(first) & np.isfinite(second)
    down, across = np.gradient(np.where(there, second * ratio, 0.0))
    there[[0, -1]] = there[:, [0, -1]] = False
    terms = np.stack([across[there], down[there], second[there]], axis=1)
    shift = np.linalg.lstsq(terms, (first - second * ratio)[there], rcond=None)[0][:2]
    correlation = np.corrcoef(first[there], second[there])[0, 1]
    return (
        f"loam against sarsen: correlation {correlation:.4f}, shift {-shift[0]:.3f} columns, {-shift[1]:.3f} rows of "
        "10 m (sarsen leaves out the delay between the sides of the swath)."
    )


def measured_from() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def measured(begun: tuple[float, float]) -> dict:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall": time.perf_counter() - begun[0], "cpu": time.process_time() - begun[1], "peak": own.ru_maxrss / 1e6,
    }  # fmt: skip


def loam_pass(
    safe: str, dem: str, output: str, threads: int, filtered: bool = False, land: str = "", steps: bool = False
) -> dict:
    from loam.raster.grid import grid_like
    from loam.sentinel1.scene import process_pass

    settings = SETTINGS.model_copy(update={"speckle": Speckle()} if filtered else {})
    grid = grid_like(land or dem, 256)
    warm_up(safe, dem, grid, output, settings)
    spent, read = by_step(), counted_bytes()
    begun = measured_from()
    process_pass([safe], dem, grid, output, settings, threads=threads)
    return measured(begun) | {"steps": dict(spent) if steps else {}, "bytes": read["bytes"]}


def warm_up(safe: str, dem: str, grid: object, output: str, settings: dict) -> None:
    """Compile, or load what is compiled: one pixel of land in the middle of the grid."""
    import numpy as np
    import rasterio

    from loam.raster.grid import grid_like
    from loam.sentinel1.scene import process_pass

    height, width = grid.geobox.shape
    land = np.zeros((height, width), np.uint8)
    land[height // 2, width // 2] = 1
    path = Path(output).with_name("pixel.tif")
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype="uint8", crs=grid.geobox.crs.to_wkt(),
        transform=grid.geobox.transform, nodata=0, compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(land, 1)
    process_pass([safe], dem, grid_like(path, 256), path.with_name("warm.tif"), settings)


def by_step() -> dict[str, float]:
    """CPU seconds by step, summed over threads, as the run goes on."""
    import importlib

    spent: dict[str, float] = defaultdict(float)
    lock = threading.Lock()

    def clocked(function: Callable, step: str) -> Callable:
        @wraps(function)
        def run(*args: object, **kwargs: object) -> object:
            begun = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                with lock:
                    spent[step] += time.thread_time() - begun

        return run

    for step, (place, name) in STEPS.items():
        module, _, holder = place.partition(".")
        owner = importlib.import_module(f"loam.sentinel1.{module}")
        owner = getattr(owner, holder) if holder else owner
        setattr(owner, name, clocked(getattr(owner, name), step))
    return spent


def counted_bytes() -> dict[str, int]:
    """Bytes of amplitudes that are read, as the run goes on."""
    from loam.sentinel1.measurement import Measurement

    counted, read = {"bytes": 0}, Measurement.read

    def counting(self: Measurement, *window: int) -> object:
        values = read(self, *window)
        counted["bytes"] += values.nbytes
        return values

    Measurement.read = counting
    return counted


def loam_terrain(safe: str, dem: str, output: str) -> dict:
    """Heights, positions, resampling, angles and masks of all pieces, with calibrated windows at hand."""
    from loam.raster.grid import grid_like
    from loam.sentinel1 import scene
    from loam.sentinel1.image import Image

    grid = grid_like(dem, 256)
    warm_up(safe, dem, grid, output, SETTINGS)
    windows: dict[tuple, object] = {}
    backscatter, piece = Image.backscatter, scene._Work.piece
    spent = {"wall": 0.0, "cpu": 0.0}

    def kept(self: Image, *window: int) -> object:
        if window not in windows:
            windows[window] = backscatter(self, *window)
        return windows[window]

    def clocked(self: object, tile: object) -> object:
        begun = measured_from()
        done = piece(self, tile)
        own = measured(begun)
        spent["wall"], spent["cpu"] = spent["wall"] + own["wall"], spent["cpu"] + own["cpu"]
        return done

    Image.backscatter, scene._Work.piece = kept, clocked
    for _ in range(2):
        spent.update(wall=0.0, cpu=0.0)
        scene.process_pass([safe], dem, grid, output, SETTINGS)
    return measured(measured_from()) | spent


def sarsen_pass(safe: str, dem: str, output: str) -> dict:
    import sarsen

    product = sarsen.Sentinel1SarProduct(safe, "IW/VV")
    begun = measured_from()
    sarsen.terrain_correction(product, dem_urlpath=dem, output_urlpath=output, interp_method="linear")
    return measured(begun)


def scene_section(safe: Path, folder: Path, options: argparse.Namespace) -> None:
    import numpy as np
    import rasterio
    from affine import Affine

    crs, x, y = extent(safe)
    west, south, east, north = (80 * round(value / 80) for value in (min(x), min(y), max(x), max(y)))
    land, dem = folder / "land_80m.tif", folder / "dem_30m.tif"
    shape = (north - south) // 80, (east - west) // 80
    with rasterio.open(
        land, "w", driver="GTiff", height=shape[0], width=shape[1], count=1, dtype="uint8", crs=crs,
        transform=Affine(80, 0, west, 0, -80, north), nodata=0, compress="deflate",
    ) as output:  # fmt: skip
        output.write(np.ones(shape, np.uint8), 1)
    make_ground(
        dem, Affine(30, 0, west - 9000, 0, -30, north + 9000),
        ((north - south + 18000) // 30, (east - west + 18000) // 30), crs,
    )  # fmt: skip
    results = {
        filtered: in_process(
            "loam_pass", safe=str(safe), dem=str(dem), output=str(folder / "scene.tif"), threads=options.threads,
            filtered=filtered, land=str(land), steps=True,
        )
        for filtered in (False, True)
    }  # fmt: skip
    measurement = next((safe / "measurement").iterdir())
    megapixels = measurement.stat().st_size / 2e6
    print(f"## Whole chain\n\nOne polarisation, {megapixels:.0f} Mpx to {shape[0]} x {shape[1]} pixels of 80 m, "
          f"{options.threads} threads\n")  # fmt: skip
    print("| speckle filter | wall, s | CPU, s | peak memory, GB | read, GB |")
    print("|---|---|---|---|---|")
    for filtered, spent in results.items():
        name = "Lee sigma, 7 x 7" if filtered else "none"
        print(
            f"| {name} | {spent['wall']:.0f} | {spent['cpu']:.0f} | {spent['peak']:.2f} | {spent['bytes'] / 1e9:.2f} |"
        )
    print("\n| step | CPU, s, with the filter | without |")
    print("|---|---|---|")
    for step in STEPS:
        print(f"| {step} | {results[True]['steps'].get(step, 0):.1f} | {results[False]['steps'].get(step, 0):.1f} |")
    print("\nReading is counted in the border and the windows too where they read.\n")
    floor = in_process("unavoidable", measurement=str(measurement))
    print(f"Unavoidable: reading the image's {measurement.stat().st_size / 1e9:.2f} GB once, {floor['read']:.1f} s; "
          f"filtering each of its pixels once, {floor['filter'] * megapixels:.0f} s of CPU "
          f"({floor['filter']:.3f} s/Mpx: 58 neighbours compared, counted, added and squared).\n")  # fmt: skip


def unavoidable(measurement: str) -> dict:
    import numpy as np

    from loam.sentinel1.speckle import improved_lee_sigma

    begun = time.perf_counter()
    with Path(measurement).open("rb", buffering=0) as file:
        while file.read(2**24):
            pass
    read = time.perf_counter() - begun
    block = np.random.default_rng(1).gamma(LOOKS, 1 / LOOKS, (2000, 2000)).astype(np.float32)
    improved_lee_sigma(block[:50], LOOKS, 3.0)
    begun = time.process_time()
    improved_lee_sigma(block, LOOKS, 3.0)
    return {"read": read, "filter": (time.process_time() - begun) / block.size * 1e6}


TASKS = {
    "loam_pass": loam_pass, "loam_terrain": loam_terrain, "sarsen_pass": sarsen_pass, "unavoidable": unavoidable,
}  # fmt: skip


if __name__ == "__main__":
    main()
