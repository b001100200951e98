"""Transfer against training on the target alone, by number of target stations, at three distances of the domains.

    python benchmarks/domain_distance.py [--folder FOLDER] [--distances 0 1 2] [--seed 42]

The default run's world at each distance; the workflow itself makes samples, cube and truth. Of the 39 target stations
n are drawn, several times where n is small; on these n alone both scenarios are trained as the workflow trains them
(MLP, one member a fold of leave-one-station-out, settings of config/config.yaml), the members map three days (a dry one
of the drought year, a spring one, a wet one), and the map is scored against the truth at every pixel. The three
pretrained networks differ in their seed; draws of stations take them in turn. Draws are the same at all distances.
RMSE is over all pixels and days, m3 m-3, the mean over draws; `mineral` leaves out the peat country, in which no probe
stands, and 800 m around it, where maps of the soil still tell of peat. Nothing was chosen by these
scores. `mean of stations` is what needs no model: a map of the mean that the n stations measured, the same on all days.
Writes benchmarks/domain_distance.csv (every draw), docs/images/sandbox_distance.png and the table of
docs/sandbox.md. What FOLDER holds of an earlier call is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "lib"))

import matplotlib as mpl  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
import xarray as xr  # noqa: E402
import yaml  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from run_all import processor  # noqa: E402
from scipy.ndimage import distance_transform_edt  # noqa: E402

from loam.config.settings import load_config, pick  # noqa: E402
from loam.covariates.features import feature_set  # noqa: E402
from loam.covariates.read.cube import Cube  # noqa: E402
from loam.covariates.read.day import open_cube_day  # noqa: E402
from loam.covariates.read.derive import settings_of as cube_settings  # noqa: E402
from loam.covariates.read.tiles import TileInputs  # noqa: E402
from loam.io.tables import read_table, write_table  # noqa: E402
from loam.mapping.engine import Engine  # noqa: E402
from loam.raster.grid import Tile, read_grid  # noqa: E402
from loam.sandbox.world import World  # noqa: E402
from loam.sandbox.world_settings import settings_of  # noqa: E402
from loam.training.card import Members, load_members  # noqa: E402
from loam.training.folds import draw_folds  # noqa: E402
from loam.training.plan import Plan, read_plan  # noqa: E402
from loam.training.scenarios import fine_tune, train_source, train_target  # noqa: E402
from loam.training.seeds import derive_seed  # noqa: E402
from loam.training.train_networks import Result, write_result  # noqa: E402

RUN, MODEL, THREADS = "distance", "mlp", 2
DISTANCES = (0.0, 1.0, 2.0)
DRAWS = {3: 5, 5: 4, 10: 3, 20: 2, 39: 1}  # stations: how often so many are drawn
SOURCES = 3  # pretrained networks
RIM = 10  # pixels around the peat country
DAYS = ("2020-02-15", "2021-10-15", "2022-08-15")
TABLE, FIGURE = ROOT / "benchmarks" / "domain_distance.csv", ROOT / "docs" / "images" / "sandbox_distance.png"
PAGE, MARK = ROOT / "docs" / "sandbox.md", re.compile(r"(<!-- table distance -->\n).*?(<!-- end -->)", re.S)
SCENARIOS = {  # label, colour
    "source": ("source only", "0.45"), "target": ("target only", "#d1495b"), "transfer": ("transfer", "#30638e"),
    "mean": ("mean of stations", "#edae49"),
}  # fmt: skip
GROUND_LABELS = {"mineral": "mineral soils, 800 m from peat", "all": "all pixels"}
GROUNDS, STYLES = tuple(GROUND_LABELS), {"mineral": "-", "all": ":"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="for what is made on the way, 300 MB; a temporary one if not given")
    parser.add_argument("--distances", type=float, nargs="*", default=DISTANCES)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    logging.getLogger("loam").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    begun = time.perf_counter()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        parts = [scores_at(folder.absolute(), distance, options.seed) for distance in options.distances]
    if tuple(options.distances) != DISTANCES or options.seed != 42:
        print(pd.concat(parts).groupby(["distance", "layer", "ground", "stations", "scenario"])["rmse"].mean())
        return
    scores = pd.concat(parts, ignore_index=True)
    write_table(scores.round({"rmse": 5, "bias": 5}), TABLE)
    draw(scores)
    table = as_markdown(scores)
    made = scores[["commit", "machine", "day"]].drop_duplicates()
    stamp = "\n".join(f"Commit {one.commit}, {one.machine}, {one.day}." for one in made.itertuples())
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARK.sub(rf"\g<1>{table}\n\n{stamp}\n\g<2>", text), encoding="utf-8")
    print(f"{table}\n\n{(time.perf_counter() - begun) / 60:.0f} minutes, pieces of earlier calls not counted.")


def scores_at(folder: Path, distance: float, seed: int) -> pd.DataFrame:
    """Scores of every draw at one distance: one row a draw, scenario, layer and ground."""
    path = folder / f"scores_{distance:g}_{seed}.csv"
    if not path.is_file():
        work = folder / f"world_{distance:g}_{seed}"
        config = make_world(work, distance, seed)
        with contextlib.chdir(work):
            rows = list(experiment(config))
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        table = pd.DataFrame(rows).assign(distance=distance, commit=commit, machine=processor(), day=day)
        write_table(table, path)
    return pd.read_csv(path)


def make_world(work: Path, distance: float, seed: int) -> dict[str, Any]:
    """Run the workflow in a folder of its own up to samples, cube and truth; the run's config."""
    work.mkdir(parents=True, exist_ok=True)
    overlay = {
        "run": RUN,
        "seed": seed,
        "sandbox": {"domain_distance": distance, "scenes": {"sentinel1": None, "sentinel2": None}},
        "mapping": {"dates": list(DAYS)},
    }
    (work / "overlay.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    wanted = ["samples/source.parquet", "samples/target.parquet", "truth/soil_moisture.nc", "covariates/static.zarr"]
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", work,
        "--configfile", work / "overlay.yaml", "--cores", str(THREADS), "--quiet", "all",
        "--", *(f"results/{RUN}/{file}" for file in wanted),
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the workflow failed in {work}:\n{done.stdout}\n{done.stderr}")
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    for key, value in overlay.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    return load_config(config)


def experiment(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Train and score every draw; the working directory holds the run."""
    results = Path("results") / RUN
    values = pick(config, "seed", "layers", "features", "training") | {"model": MODEL, "threads": THREADS}
    plan = read_plan(values)
    training = config["training"]
    source, target = (read_table(results / "samples" / f"{domain}.parquet") for domain in ("source", "target"))
    ground = Ground(config, plan)
    pretrained = []
    for number in range(SOURCES):
        own = replace(plan, seed=derive_seed(plan.seed, "source", number))
        pretrained.append(as_members(train_source(own, source, training["validation"])))
        for row in ground.score(pretrained[-1]):
            yield {"stations": 0, "draw": number, "scenario": "source", **row}
    names = sorted(target["station"].unique())
    for count, draws in DRAWS.items():
        for number in range(draws):
            own = replace(plan, seed=derive_seed(plan.seed, "stations", count, number))
            chosen = np.random.default_rng(own.seed).choice(names, count, replace=False)
            samples = target[target["station"].isin(chosen)].reset_index(drop=True)
            folds = draw_folds(samples, own.layers, own.seed)
            trained = {
                "target": train_target(
                    own, samples, folds, training["scaling"]["target"], source, training["validation"]
                ),
                "transfer": fine_tune(
                    own, samples, folds, training["scaling"]["transfer"], pretrained[number % SOURCES]
                ),
            }
            for scenario, result in trained.items():
                for row in ground.score(as_members(result)):
                    yield {"stations": count, "draw": number, "scenario": scenario, **row}
            for row in ground.score_constant(samples[own.layers].mean().to_numpy()):
                yield {"stations": count, "draw": number, "scenario": "mean", **row}
            print(
                f"{count} stations, draw {number + 1} of {draws}: {datetime.now():%H:%M:%S}",
                file=sys.stderr,
                flush=True,
            )


class Ground:
    """What the days' maps read and what is true there: read once, for all members."""

    def __init__(self, config: Mapping[str, Any], plan: Plan) -> None:
        results, features = Path("results") / RUN, feature_set(config["features"])
        grid = read_grid(results / "grid.json")
        months = sorted((results / "covariates" / "dynamic").glob("*.zarr"))
        cube = Cube(grid, results / "covariates" / "static.zarr", months, cube_settings(config["covariates"]))
        static = World(settings_of(config["seed"], config["sandbox"])).static(Tile(0, 0, *grid.geobox.shape))
        peat = distance_transform_edt(static["peat"] == 0) <= RIM
        self.layers = plan.layers
        self.parts: list[tuple[TileInputs, np.ndarray, np.ndarray]] = []
        with xr.open_dataset(results / "truth" / "soil_moisture.nc") as truth:
            for day in DAYS:
                known = np.stack([truth[layer].sel(time=day).to_numpy() for layer in plan.layers], axis=-1)
                with open_cube_day(cube, features, day) as opened:
                    for tile in grid.tiles:
                        inputs = opened.read(tile)
                        row, col = tile.row + inputs.pixel // tile.width, tile.col + inputs.pixel % tile.width
                        self.parts.append((inputs, known[row, col], peat[row, col]))

    def score(self, members: Members) -> Iterator[dict[str, Any]]:
        """Scores of the members' mean over the pixels of all days that the map and the truth have."""
        engine = Engine(members, "cpu")
        return self._score([engine.predict(inputs)[0] for inputs, *_ in self.parts])

    def score_constant(self, moisture: np.ndarray) -> Iterator[dict[str, Any]]:
        """Scores of ``moisture`` [layer] everywhere on all days."""
        return self._score([np.broadcast_to(moisture, known.shape) for _, known, _ in self.parts])

    def _score(self, maps: Sequence[np.ndarray]) -> Iterator[dict[str, Any]]:
        error = np.concatenate([
            moisture.astype(float) - known for moisture, (_, known, _) in zip(maps, self.parts, strict=True)
        ])  # fmt: skip
        peat = np.concatenate([peat for *_, peat in self.parts])
        held = np.isfinite(error).all(axis=1)
        for ground in GROUNDS:
            own = error[held if ground == "all" else held & ~peat]
            for layer, column in zip(self.layers, own.T, strict=True):
                rmse, bias = float(np.sqrt((column**2).mean())), float(column.mean())
                yield {"layer": layer, "ground": ground, "rmse": rmse, "bias": bias, "pixels": len(column)}


def as_members(result: Result) -> Members:
    """A scenario's result as the workflow's next step reads it."""
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / file for file in ("weights.safetensors", "card.json", "history.csv")]
        write_result(result, *paths)
        return load_members(*paths[:2])


def as_markdown(scores: pd.DataFrame) -> str:
    """A table a ground, one row a distance and number of stations: the mean over draws."""
    layers = list(dict.fromkeys(scores["layer"]))
    columns = [(layer, scenario) for layer in layers for scenario in SCENARIOS]
    means = scores.groupby(["ground", "distance", "layer", "scenario", "stations"])["rmse"].mean()
    lines = []
    for ground, title in GROUND_LABELS.items():
        heads = [f"{layer}: {SCENARIOS[scenario][0]}" for layer, scenario in columns]
        lines += [f"{title.capitalize()}:", "", f"| distance | stations (draws) | {' | '.join(heads)} |"]
        lines.append("|---" * (2 + len(heads)) + "|")
        for distance in DISTANCES:
            for count, draws in DRAWS.items():
                cells = [
                    f"{means[ground, distance, layer, scenario, 0 if scenario == 'source' else count]:.3f}"
                    for layer, scenario in columns
                ]
                lines.append(f"| {distance:g} | {count} ({draws}) | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines).strip()


def draw(scores: pd.DataFrame) -> None:
    """A panel a distance and layer: RMSE against the number of stations, the mean over draws and their range."""
    mpl.use("agg")
    layers = list(dict.fromkeys(scores["layer"]))
    shape = len(layers), len(DISTANCES)
    figure, panels = plt.subplots(*shape, figsize=(11, 6.6), sharex=True, sharey=True, layout="constrained")
    for row, layer in zip(panels, layers, strict=True):
        for panel, distance in zip(row, DISTANCES, strict=True):
            _draw_panel(panel, scores[(scores["distance"] == distance) & (scores["layer"] == layer)])
            panel.set_title(f"{layer}, domain distance {distance:g}", loc="left", fontsize=10)
        row[0].set_ylabel("RMSE, m$^3$ m$^{-3}$")
    for panel in panels[-1]:
        panel.set_xlabel("target stations")
    handles = [Line2D([], [], color=colour, linewidth=1.8, label=label) for label, colour in SCENARIOS.values()]
    for ground, text in GROUND_LABELS.items():
        handles.append(Line2D([], [], color="black", linestyle=STYLES[ground], linewidth=1.2, label=text))
    figure.legend(handles=handles, loc="outside lower center", ncol=len(handles), frameon=False, fontsize=9)
    figure.savefig(FIGURE, dpi=110)
    plt.close(figure)


def _draw_panel(panel: Axes, scores: pd.DataFrame) -> None:
    for scenario, (_, colour) in SCENARIOS.items():
        for ground in GROUNDS:
            part = scores[(scores["scenario"] == scenario) & (scores["ground"] == ground)]
            by_count = part.groupby("stations")["rmse"].agg(["mean", "min", "max"])
            if scenario == "source":
                by_count = pd.concat([by_count] * 2).set_axis([min(DRAWS), max(DRAWS)])
            wide = ground == "mineral"
            panel.plot(by_count.index, by_count["mean"], STYLES[ground], color=colour, linewidth=1.8 if wide else 1.0)
            if wide:
                panel.fill_between(
                    by_count.index, by_count["min"], by_count["max"], color=colour, alpha=0.18, linewidth=0
                )
    panel.set(xscale="log", yscale="log", ylim=(0.04, 0.8))
    panel.set_xticks(list(DRAWS), [str(count) for count in DRAWS])
    panel.set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
    panel.minorticks_off()
    panel.grid(axis="y", color="0.9")


if __name__ == "__main__":
    main()
