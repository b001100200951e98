"""Score a map against the known moisture of every pixel."""

import logging

import pandas as pd

from loam.evaluation.metrics import scores
from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import write_table
from loam.mapping.truth import paired

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    layers = [layer["name"] for layer in values["layers"]]
    rows = [
        {
            "layer": pair.layer,
            "n": len(pair.observed),
            **scores(pair.observed, pair.predicted),
            "std_mean": pair.std.mean(),
        }
        for pair in paired(paths["map"], paths["truth"], layers, values["date"])
    ]
    write_table(pd.DataFrame(rows), paths["score"])
    for row in rows:
        log.info("%s", ", ".join(f"{name} {value:.4g}" if name != "layer" else value for name, value in row.items()))


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
