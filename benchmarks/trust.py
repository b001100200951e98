"""The dissimilarity index at every pixel: distances by matrix products against nearest-neighbour indices.

Training points and pixels have 28 features that vary in eight directions, with some noise. 10.7 million pixels are
Tasmania's land at 80 m; a part is timed and scaled. With a run whose truth is known, also how well classes and reasons
of its maps find the pixels that are wrong:

    python benchmarks/trust.py --run results/demo
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from sklearn.metrics import pairwise_distances_argmin_min
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "lib"))

from loam.trust.against_truth import trust_against_truth  # noqa: E402
from loam.trust.dissimilarity import area_of_applicability  # noqa: E402
from loam.trust.thinning import MOST  # noqa: E402

PIXELS, FEATURES, THREADS = 10_700_000, 28, 2


def drawn(generator: np.random.Generator, count: int, directions: np.ndarray) -> np.ndarray:
    return (
        generator.normal(size=(count, len(directions))) @ directions + 0.3 * generator.normal(size=(count, FEATURES))
    ).astype(np.float32)


def scaled(compute: Callable[[np.ndarray], object], pixels: np.ndarray) -> float:
    """Seconds of processor time for ``PIXELS`` from those for ``pixels``: of all cores, whatever else runs on them."""
    begun = time.process_time()
    compute(pixels)
    return (time.process_time() - begun) * PIXELS / len(pixels)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path)
    run = parser.parse_args().run
    generator = np.random.default_rng(1)
    directions = generator.normal(size=(8, FEATURES))
    points, pixels = drawn(generator, MOST, directions), drawn(generator, 200_000, directions)
    area = area_of_applicability(points, np.arange(MOST) % 13, generator.exponential(size=FEATURES))
    along = (area.points @ np.linalg.svd(area.points, full_matrices=False)[2].T).astype(np.float32)
    few = ((pixels[:20_000] - area.mean) * area.factor).astype(np.float32)
    tree = cKDTree(along)
    with threadpool_limits(THREADS):
        rivals = {
            f"ours, index and density, {THREADS} threads": scaled(
                lambda rows: area.index_and_density(rows, threads=THREADS), pixels
            ),
            f"scipy cKDTree, along principal axes, {THREADS} threads": scaled(
                lambda rows: tree.query(rows, workers=THREADS), few
            ),
            f"scikit-learn pairwise_distances_argmin_min, {THREADS} threads": scaled(
                lambda rows: pairwise_distances_argmin_min(rows, along), few
            ),
        }
    print(f"| {MOST} training points, {FEATURES} features | processor seconds for {PIXELS / 1e6:g} million pixels |")
    print("|---|---|")
    for name, seconds in rivals.items():
        print(f"| {name} | {seconds:.0f} |")
    if run is not None:
        for day in sorted((run / "maps").glob("*/trust.tif")):
            layers = ["surface", "subsurface"]
            table = trust_against_truth(
                day.with_name("soil_moisture.tif"), day, run / "truth" / "soil_moisture.nc", layers, day.parent.name
            )
            print(f"\n## {day.parent.name}\n")
            print("| layer | marked | of all | of bad | of good | RMSE |\n|---|---|---|---|---|---|")
            for row in table.itertuples():
                print(f"| {row.layer} | {row.name} | {row.all:.3f} | {row.bad:.3f} | {row.good:.3f} | {row.rmse:.3f} |")


if __name__ == "__main__":
    main()
