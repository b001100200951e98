"""Predict every target station with a network that has not met it."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.features import feature_set
from loam.io.schemas import FOLDS, PREDICTIONS
from loam.io.tables import read_table, write_table
from loam.samples.series import open_samples
from loam.training.card import load_members
from loam.training.device import use_device
from loam.training.predict import predict_held_out


def stage(paths: Paths, values: Values) -> None:
    use_device("cpu", values["threads"])
    predictions = predict_held_out(
        load_members(paths["weights"], paths["card"], values["training"][values["model"]]["plugin"]),
        open_samples(paths["target"]),
        read_table(paths["folds"], FOLDS),
        feature_set(values["features"], values["training"][values["model"]]["window"]),
        [layer["name"] for layer in values["layers"]],
    )
    write_table(predictions, paths["predictions"], PREDICTIONS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
