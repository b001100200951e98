"""What other tools make of the same input; run by ``sentinel1.py`` with an interpreter that has them.

    python benchmarks/sentinel1_peers.py calibrate SAFE FIRST_LINE LINES OUT.npy     xarray-sentinel
    python benchmarks/sentinel1_peers.py speckle IN.npy LOOKS OUT.npy                findpeaks
    python benchmarks/sentinel1_peers.py versions

Prints the seconds it took, imports left out.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")


def calibrate(safe: str, first_line: str, lines: str, out: str) -> None:
    import xarray as xr
    import xarray_sentinel

    part = slice(int(first_line), int(first_line) + int(lines))
    begun = time.perf_counter()
    image = xr.open_dataset(safe, engine="sentinel-1", group="IW/VV").measurement[part]
    table = xr.open_dataset(safe, engine="sentinel-1", group="IW/VV/calibration")
    sigma0 = xarray_sentinel.calibrate_intensity(image, table.sigmaNought).values
    print(time.perf_counter() - begun)
    np.save(out, sigma0)


def speckle(path: str, looks: str, out: str) -> None:
    from findpeaks.filters.lee_sigma import lee_sigma_filter

    image = np.load(path)
    begun = time.perf_counter()
    filtered = lee_sigma_filter(image, sigma=0.9, win_size=7, num_looks=int(looks), num_cores=1)
    print(time.perf_counter() - begun)
    np.save(out, filtered)


def versions() -> None:
    from importlib.metadata import version

    print(f"xarray-sentinel {version('xarray-sentinel')}, findpeaks {version('findpeaks')}")


if __name__ == "__main__":
    {"calibrate": calibrate, "speckle": speckle, "versions": versions}[sys.argv[1]](*sys.argv[2:])
