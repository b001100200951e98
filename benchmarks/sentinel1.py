"""Sentinel-1: geometry, radiometry and speckle of ground range products, against ESA's own points and other tools.

    python benchmarks/sentinel1.py [--products FOLDER] [--lines 2048] [--peers PYTHON] [geometry radiometry speckle]

Products are real; where they have no pixels, amplitudes are drawn and written into a copy, with the ground control
points that Orfeo ToolBox wants. The radiometry needs that (``apt-get install otb-bin``), and xarray-sentinel and
findpeaks in an environment of their own, whose interpreter ``--peers`` or the variable SENTINEL1_PEERS names
(``python -m venv peers; peers/bin/pip install xarray-sentinel findpeaks``). What is not there is left out, and said.
Every tool runs in one thread; its time includes reading the amplitudes and, but for xarray-sentinel and the speckle
filters, writing the result.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "lib"))

import numpy as np  # noqa: E402
import rasterio  # noqa: E402
from rasterio.control import GroundControlPoint  # noqa: E402
from rasterio.errors import NotGeoreferencedWarning  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from loam.sentinel1.calibration import calibration_of  # noqa: E402
from loam.sentinel1.geometry import earth_fixed, image_position, incidence_angle  # noqa: E402
from loam.sentinel1.lookup import Rows, nodes_with_value  # noqa: E402
from loam.sentinel1.measurement import open_measurement  # noqa: E402
from loam.sentinel1.orbit import fit_orbit  # noqa: E402
from loam.sentinel1.product import Channel, Product, open_product  # noqa: E402
from loam.sentinel1.speckle import improved_lee_sigma  # noqa: E402

OTB = "otbcli_SARCalibration"
HERE = Path(__file__).resolve().parent
BLOCK = 512  # lines
FRESH = 2  # runs, of which the fastest counts
warnings.simplefilter("ignore", NotGeoreferencedWarning)


def version(product: Product) -> str:
    return f"{product.processor[0]}.{product.processor[1]:02d}"


def title(product: Product) -> str:
    return f"{product.mission} {str(product.start)[:10]} ...{product.name[-4:]}"


def opened(folder: Path) -> list[Product]:
    products = [open_product(path) for path in sorted(folder.glob("S1*")) if path.suffix in (".SAFE", ".zip")]
    return sorted(products, key=lambda product: (product.processor, product.start))


# --- geometry ---------------------------------------------------------------------------------------------------------


def geometry(products: list[Product]) -> None:
    """Ours minus ESA's at the annotated geolocation points."""
    print("### Geometry: largest difference from ESA's geolocation points\n")
    print(
        "| product | IPF | channel | points | line | sample | sample, last row left out | slant range, mm "
        "| incidence to the Earth's centre, deg | to the ellipsoid's normal, deg |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for product in products:
        for polarisation, channel in sorted(product.channels.items()):
            print(f"| {title(product)} | {version(product)} | {polarisation} | {geometry_row(channel)} |")
    print("\nThe last row differs in IPF 2.36 alone, and by how products end: docs/explanation/sentinel1.md.\n")


def geometry_row(channel: Channel) -> str:
    annotation, points = channel.annotation, channel.annotation.points
    orbit = fit_orbit(annotation.orbit, annotation.start, annotation.stop)
    place = earth_fixed(points.longitude, points.latitude, points.height)
    line, sample, when, slant = image_position(annotation, orbit, place)
    sight = orbit.position(when) - place
    cosine = (sight * place).sum(-1) / np.linalg.norm(sight, axis=1) / np.linalg.norm(place, axis=1)
    inner = points.line < points.line.max()
    worst = [
        np.abs(difference).max()
        for difference in (
            line - points.line, sample - points.sample, (sample - points.sample)[inner],
            1e3 * (slant - points.slant_range), np.degrees(np.arccos(cosine)) - points.incidence,
            incidence_angle(orbit, place, when) - points.incidence,
        )
    ]  # fmt: skip
    pixels = " | ".join(f"{value:.4f}" for value in worst[:3])
    return f"{len(line)} | {pixels} | {worst[3]:.2f} | {worst[4]:.0e} | {worst[5]:.3f}"


# --- radiometry -------------------------------------------------------------------------------------------------------


def radiometry(products: list[Product], lines: int, peers: str | None) -> None:
    """Calibration and noise against Orfeo ToolBox and xarray-sentinel, on drawn amplitudes over the real tables."""
    print(f"### Radiometry: VV, {lines} lines of drawn amplitudes (60 to 400), one thread\n")
    if not shutil.which(OTB):
        print(f"**Left out: {OTB} is not installed (apt-get install otb-bin).**\n")
    if not peers:
        print("**xarray-sentinel left out: no environment that has it (--peers).**\n")
    print(
        "| product | IPF | tool | sigma0: largest difference, dB | noise: largest difference, dB | noise, 99.9 %, dB "
        "| above 0.05 dB | pixels not compared | s/Mpx | with noise, s/Mpx |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    different: dict[tuple[int, int], Product] = {product.processor: product for product in products}
    for product in different.values():
        with tempfile.TemporaryDirectory() as folder:
            radiometry_rows(product, Path(folder), lines, peers)
    print(
        "\nNot compared: samples beyond the last node of the noise table that has a value, and those where we take the "
        "noise as missing (Orfeo ToolBox takes up to some 30 of 1e5 DN^2 off there). Orfeo ToolBox follows a line to 0 "
        "there; we hold the last value, since 0 stands for a missing one. "
        "Noise is compared as what was taken off DN^2. What is above 0.05 dB in IPF 2.70 are the two columns where "
        "sub-swaths meet, whose vectors have the seam a sample apart: we follow each vector to the column first.\n"
    )


def radiometry_rows(product: Product, folder: Path, lines: int, peers: str | None) -> None:
    channel = open_product(with_amplitudes(product, folder, lines)).channel("vv")
    first = first_line(channel, lines)
    ours, spent = {}, {}
    for noise in (False, True):
        ours[noise], spent[noise] = calibrate_file(channel, first, lines, noise, folder / "ours.tif")
    name = f"| {title(product)} | {version(product)} |"
    pixels = ours[True].size / 1e6
    print(f"{name} loam | | | | | | {spent[False] / pixels:.4f} | {spent[True] / pixels:.4f} |")
    if shutil.which(OTB):
        theirs = {noise: orfeo(channel, first, lines, noise, folder / "otb.tif") for noise in (False, True)}
        if theirs[False] is None or theirs[True] is None:
            print(f"{name} Orfeo ToolBox | fails: no calibration metadata | | | | | | |")
        else:
            sigma0 = decibels(ours[False], theirs[False][0]).max()
            compared, differences = noise_differences(channel, first, lines, theirs[True][0])
            largest, most, above = differences.max(), np.quantile(differences, 0.999), (differences > 0.05).mean()
            print(
                f"{name} Orfeo ToolBox | {sigma0:.1e} | {largest:.1e} | {most:.1e} | {above:.1e} | {1 - compared:.2%} "
                f"| {theirs[False][1] / pixels:.4f} | {theirs[True][1] / pixels:.4f} |"
            )
    if peers:
        safe = str(Path(channel.measurement).parents[1])
        seconds = run_peer(peers, "calibrate", safe, str(first), str(lines), str(folder / "peer.npy"))
        if seconds is None:
            print(f"{name} xarray-sentinel | fails | | | | | | |")
        else:
            difference = decibels(ours[False], np.load(folder / "peer.npy")).max()
            print(f"{name} xarray-sentinel | {difference:.1e} | | | | | {seconds / pixels:.4f} | |")


def first_line(channel: Channel, lines: int) -> int:
    """Lines near the end, where tables run past the image."""
    return channel.annotation.lines - lines - 100


def with_amplitudes(product: Product, folder: Path, lines: int) -> Path:
    """A copy of a product's VV with drawn amplitudes in some lines, as Orfeo ToolBox can read it."""
    safe = folder / f"{product.name}.SAFE"
    annotation = product.channel("vv").annotation
    for file in product.safe.files:
        if (file.endswith(".xml") and "-vh-" not in file) or file == "manifest.safe":
            (safe / file).parent.mkdir(parents=True, exist_ok=True)
            (safe / file).write_bytes(product.safe.text(file))
    (safe / "measurement").mkdir(exist_ok=True)
    name = Path(product.safe.matching(r"annotation/s1[a-d]-\w+-grd-vv-[^/]*\.xml")[0]).with_suffix(".tiff").name
    points = annotation.points
    control = [
        GroundControlPoint(row=line, col=sample, x=longitude, y=latitude, z=height)
        for line, sample, longitude, latitude, height in zip(
            points.line, points.sample, points.longitude, points.latitude, points.height, strict=True
        )
    ]
    with rasterio.open(
        safe / "measurement" / name, "w", driver="GTiff", height=annotation.lines, width=annotation.samples, count=1,
        dtype="uint16", SPARSE_OK=True, gcps=control, crs="EPSG:4326",
    ) as output:  # fmt: skip
        output.update_tags(
            TIFFTAG_IMAGEDESCRIPTION=f"Sentinel-{product.mission[1:]} IW GRD HR L1",
            TIFFTAG_SOFTWARE=f"Sentinel-1 IPF {product.processor[0]:03d}.{product.processor[1]:02d}",
            TIFFTAG_DATETIME=str(product.start)[:19].replace("-", ":").replace("T", " "),
        )
        first = first_line(product.channel("vv"), lines)
        random = np.random.default_rng(1)
        for begin in range(0, lines, BLOCK):
            amplitude = random.integers(60, 400, (min(BLOCK, lines - begin), annotation.samples)).astype(np.uint16)
            output.write(amplitude, 1, window=Window(0, first + begin, annotation.samples, len(amplitude)))
    return safe


def blocks(first: int, lines: int) -> Iterator[tuple[int, int]]:
    for begin in range(first, first + lines, BLOCK):
        yield begin, min(BLOCK, first + lines - begin)


def calibrate_file(channel: Channel, first: int, lines: int, noise: bool, out: Path) -> tuple[np.ndarray, float]:
    """Sigma0 of some lines, and the seconds from the product to a GeoTIFF of it."""
    best = np.inf
    for _ in range(FRESH + 1):  # the first one compiles
        begun = time.perf_counter()
        calibration = calibration_of(channel, thermal_noise=noise)
        samples = channel.annotation.samples
        with (
            open_measurement(channel.measurement, channel.annotation) as measurement,
            rasterio.open(out, "w", driver="GTiff", height=lines, width=samples, count=1, dtype="float32") as output,
        ):
            for begin, count in blocks(first, lines):
                sigma0 = calibration.calibrate(measurement.read(begin, count, 0, samples), begin, 0)
                output.write(sigma0, 1, window=Window(0, begin - first, samples, count))
        best = min(best, time.perf_counter() - begun)
    with rasterio.open(out) as dataset:
        return dataset.read(1), best


def orfeo(channel: Channel, first: int, lines: int, noise: bool, out: Path) -> tuple[np.ndarray, float] | None:
    """Sigma0 of some lines by Orfeo ToolBox, and the seconds; None where it fails."""
    box = f"{out}?&box=0:{first}:{channel.annotation.samples}:{lines}"
    command = [OTB, "-in", channel.measurement, "-out", box, "float", "-lut", "sigma", "-ram", "1024"]
    best = np.inf
    for _ in range(FRESH):
        begun = time.perf_counter()
        done = subprocess.run([*command, "-removenoise", str(int(noise))], capture_output=True, check=False)
        best = min(best, time.perf_counter() - begun)
        if done.returncode or not out.exists():
            return None
    with rasterio.open(out) as dataset:
        sigma0 = dataset.read(1)
    out.unlink()
    return sigma0, best


def decibels(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.abs(10 * np.log10(ours.astype(np.float64) / theirs))


def noise_differences(channel: Channel, first: int, lines: int, theirs: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of pixels that are compared, and the difference of what was taken off them, dB; every 8th line."""
    calibration = calibration_of(channel)
    line, sample = np.mgrid[first : first + lines : 8, 0 : channel.annotation.samples]
    with open_measurement(channel.measurement, channel.annotation) as measurement:
        power = measurement.read(first, lines, 0, channel.annotation.samples)[::8].astype(np.float64) ** 2
    taken = power - theirs[::8] * calibration.scale.at(line, sample).astype(np.float64) ** 2
    ours = calibration.noise.at(line, sample)
    held = np.isfinite(ours) & ended(channel, line, sample)
    both = np.isfinite(ours) & ~held
    untouched = np.abs(taken[np.isnan(ours)])
    if untouched.size and untouched.max() > 2:  # DN^2, of some 1e5; those pixels are not compared
        print(f"{channel.annotation.where}: Orfeo ToolBox takes up to {untouched.max():.0f} DN^2 off where we take the "
              f"noise as missing ({100 * np.isnan(ours).mean():.2f} % of the pixels)", file=sys.stderr)  # fmt: skip
    return float(both.mean()), np.abs(10 * np.log10(taken[both] / ours[both]))


def ended(channel: Channel, line: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Where one of the two vectors that a pixel lies between is past its last node with a value."""
    table, columns = channel.noise, np.arange(channel.annotation.samples)
    past = [
        columns > pixel[nodes_with_value(value)].max() for pixel, value in zip(table.pixel, table.value, strict=True)
    ]
    return Rows(table.line, np.array(past, np.float32)).at(line, sample) > 0


def run_peer(peers: str, *arguments: str) -> float | None:
    """Seconds that a peer says it took; None where it fails."""
    done = subprocess.run(
        [peers, str(HERE / "sentinel1_peers.py"), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr[-600:], file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


# --- speckle ----------------------------------------------------------------------------------------------------------


def speckle(peers: str | None, side: int = 240) -> None:
    """The improved Lee sigma filter against findpeaks', and the looks it gains on clutter."""
    print("### Speckle: improved Lee sigma, 7 x 7, target 3 x 3, sigma 0.9, one thread\n")
    print("| image | looks | filter's looks | tool | mean, % | looks after | s/Mpx |")
    print("|---|---|---|---|---|---|---|")
    for looks, assumed in ((1, 1), (4, 4), (4.4, 4.4), (4.4, 1)):
        image = clutter(looks, (2000, 2000))
        filtered, seconds = filter_ours(image, assumed)
        print(f"| clutter, 2000 x 2000 | {looks} | {assumed} | loam | {speckle_row(image, filtered, seconds)} |")
    if not peers:
        print("\n**findpeaks left out: no environment that has it (--peers).**\n")
        return
    scenes = {
        "clutter": lambda looks: clutter(looks, (side, side)),
        "fields and targets": lambda looks: fields(looks, side),
    }
    agreement = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in scenes.items():
            for looks in (1, 4):
                image = make(looks)
                ours, seconds = filter_ours(image, looks)
                print(f"| {name}, {side} x {side} | {looks} | {looks} | loam | {speckle_row(image, ours, seconds)} |")
                np.save(f"{folder}/in.npy", image)
                seconds = run_peer(peers, "speckle", f"{folder}/in.npy", str(looks), f"{folder}/out.npy")
                if seconds is None:
                    print(f"| {name}, {side} x {side} | {looks} | {looks} | findpeaks | fails | | |")
                    continue
                theirs = np.load(f"{folder}/out.npy")
                row = speckle_row(image, theirs, seconds)
                print(f"| {name}, {side} x {side} | {looks} | {looks} | findpeaks | {row} |")
                off = np.abs(10 * np.log10(ours.astype(np.float64) / theirs))
                agreement.append(
                    f"{name}, {looks} looks: median {np.median(off):.3f} dB, {(off < 0.1).mean():.1%} within 0.1 dB, "
                    f"99 % within {np.quantile(off, 0.99):.2f} dB"
                )
    print(
        "\nloam against findpeaks, pixel by pixel: " + "; ".join(agreement) + ". findpeaks takes the variance over n "
        "where SNAP and we take it over n - 1, and rounded bounds; its test of a point target looks at 2 x 2 pixels.\n"
    )


def filter_ours(image: np.ndarray, looks: float) -> tuple[np.ndarray, float]:
    bright = float(np.percentile(image, 98))
    improved_lee_sigma(image[:20, :20], looks, bright)
    begun = time.perf_counter()
    filtered = improved_lee_sigma(image, looks, bright)
    return filtered, time.perf_counter() - begun


def speckle_row(image: np.ndarray, filtered: np.ndarray, seconds: float) -> str:
    part = filtered[8:72, 8:72]  # homogeneous in every image
    return (
        f"{100 * (filtered.mean() / image.mean() - 1):+.2f} | {part.mean() ** 2 / part.var():.0f} | "
        f"{seconds / image.size * 1e6:.3f}"
    )


def clutter(looks: float, shape: tuple[int, int], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(looks, 0.1 / looks, shape).astype(np.float32)


def fields(looks: float, side: int) -> np.ndarray:
    """Fields of 80 pixels with unlike backscatter, and some bright targets."""
    level = np.random.default_rng(5).choice([0.02, 0.05, 0.1, 0.3], (side // 80 + 1, side // 80 + 1))
    image = clutter(looks, (side, side)) * np.kron(level, np.full((80, 80), 10.0))[:side, :side]
    for row, column in np.random.default_rng(6).integers(80, side - 5, (6, 2)):
        image[row : row + 3, column : column + 3] = 20.0
    return image.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=["geometry", "radiometry", "speckle"])
    parser.add_argument("--products", type=Path, default=ROOT.parent / "shared" / "data" / "sentinel" / "grd")
    parser.add_argument("--lines", type=int, default=2048)
    parser.add_argument("--peers", default=os.environ.get("SENTINEL1_PEERS"))
    options = parser.parse_args()
    products = opened(options.products) if options.products.is_dir() else []
    if not products:
        print(f"**Geometry and radiometry left out: no products in {options.products.name} (--products).**\n")
    if "geometry" in options.sections and products:
        geometry(products)
    if "radiometry" in options.sections and products:
        radiometry(products, options.lines, options.peers)
    if "speckle" in options.sections:
        speckle(options.peers)


if __name__ == "__main__":
    main()
