"""Build the report: one self-contained page."""

import json

from loam.io.atomic import write_text
from loam.io.schemas import FOLDS, METRICS_TABLE, PREDICTIONS, SUMMARY
from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import read_table
from loam.report.page import build_page


def stage(paths: Paths, values: Values) -> None:
    page = build_page(
        predictions=read_table(paths["predictions"], PREDICTIONS),
        metrics=read_table(paths["metrics"], METRICS_TABLE),
        summary=read_table(paths["summary"], SUMMARY),
        folds=read_table(paths["folds"], FOLDS),
        dropped=read_table(paths["dropped"]),
        cards=[json.loads(path.read_text(encoding="utf-8")) for path in paths["cards"]],
        maps=paths["maps"],
        map_score_files=paths["map_scores"],
        products=[
            paths["dropped"], paths["folds"], *paths["cards"], paths["predictions"], paths["metrics"], paths["summary"],
            *paths["maps"], *paths["map_scores"],
        ],
        values=values,
    )  # fmt: skip
    write_text(page, paths["page"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
