"""Put all held-out predictions into one table, after checking that the rows were held out."""

import json

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.applicability import with_dissimilarity
from loam.evaluation.merge import merge_predictions
from loam.io.schemas import DISSIMILARITY, FOLDS, MERGED, PREDICTIONS
from loam.io.tables import read_table, write_table


def stage(paths: Paths, values: Values) -> None:
    folds = read_table(paths["folds"], FOLDS)
    rivals = [read_table(path, PREDICTIONS) for path in [*paths["mixed"], *paths["moved"], *paths["rivals"]]]
    models = [read_table(path, PREDICTIONS) for path in paths["models"]]
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in paths["cards"]]
    dissimilarity = [read_table(path, DISSIMILARITY) for path in paths["dissimilarity"]]
    merged = with_dissimilarity(merge_predictions(folds, rivals, models, cards), dissimilarity)
    write_table(merged, paths["uncalibrated"], MERGED)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
