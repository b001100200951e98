"""Build the report: one self-contained page."""

import json

import pandas as pd

from loam.covariates.samples import DROPPED
from loam.io.atomic import write_text
from loam.io.schemas import FOLDS, METRICS_TABLE, PREDICTIONS, SUMMARY
from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import read_table
from loam.report.page import build_page
from loam.report.terminal import summary_text


def stage(paths: Paths, values: Values) -> None:
    metrics, summary = read_table(paths["metrics"], METRICS_TABLE), read_table(paths["summary"], SUMMARY)
    page = build_page(
        predictions=read_table(paths["predictions"], PREDICTIONS),
        metrics=metrics,
        summary=summary,
        folds=read_table(paths["folds"], FOLDS),
        dropped=read_table(paths["dropped"], DROPPED),
        cards=[json.loads(path.read_text(encoding="utf-8")) for path in paths["cards"]],
        maps=paths["maps"],
        map_score_files=paths["map_scores"],
        products=[
            paths["dropped"], paths["folds"], *paths["cards"], paths["predictions"], paths["metrics"], paths["summary"],
            *paths["maps"], *paths["map_scores"],
        ],
        values=values,
        manifests=paths["manifests"],
    )  # fmt: skip
    files = [
        ("Scores", paths["summary"]), ("Every held-out prediction", paths["predictions"]),
        *(("Map", path) for path in paths["maps"]), ("Report", paths["page"]),
    ]  # fmt: skip
    scores = {path.parent.name: pd.read_csv(path) for path in paths["map_scores"]}
    write_text(summary_text(metrics, summary, scores, files, values), paths["text"])
    write_text(page, paths["page"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
