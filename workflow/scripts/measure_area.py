"""Find the area of applicability of the model that makes the map, from the rows that it learned from."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.features import feature_set
from loam.io.tables import read_table
from loam.trust.dissimilarity import write_area
from loam.trust.held_out_rows import area_of_samples


def stage(paths: Paths, values: Values) -> None:
    mapping = values["mapping"]
    features = feature_set(values["features"], values["training"][mapping["model"]]["window"])
    area = area_of_samples(
        read_table(paths["source"]) if paths["source"] and mapping["scenario"] != "target" else None,
        read_table(paths["target"]) if mapping["scenario"] != "source" else None,
        columns=[
            feature.column for feature in (*features.static, *(item for step in features.sequence for item in step))
        ],
        layers=[layer["name"] for layer in values["layers"]],
        seed=values["seed"],
    )
    write_area(area, paths["area"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
