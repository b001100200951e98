"""Find the area of applicability of the model that makes the map, from the rows that it learned from."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.features import feature_set
from loam.evaluation.chosen import chosen_of
from loam.samples.series import open_samples
from loam.samples.windows import Windows
from loam.trust.area_of_model import area_of_model
from loam.trust.dissimilarity import write_area


def stage(paths: Paths, values: Values) -> None:
    (system, _), layers = (
        chosen_of(values["systems"], paths.get("chosen")),
        [layer["name"] for layer in values["layers"]],
    )
    features = feature_set(values["features"], system["window"])
    learned = {"source": ["source"], "target": ["target"]}.get(system["scenario"], ["target", "source"])
    domains = [Windows(open_samples(paths[name]), features, layers, name) for name in learned if paths[name]]
    write_area(area_of_model(domains, values["seed"]), paths["area"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
