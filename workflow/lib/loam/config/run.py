"""The whole configuration of a run: its sections and the few keys that stand beside them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from loam.config.day_boundary import shift_of
from loam.config.model import AsText, Name, Section, Words
from loam.config.refusal import RefusalError
from loam.config.sections.acquire import Acquire
from loam.config.sections.covariates import Covariates
from loam.config.sections.evaluation import Evaluation
from loam.config.sections.features import Features
from loam.config.sections.layers import Layers, two_layers
from loam.config.sections.level import Level
from loam.config.sections.mapping import Mapping
from loam.config.sections.probes import Probes
from loam.config.sections.samples import Samples
from loam.config.sections.sandbox import Sandbox
from loam.config.sections.sentinel1 import Sentinel1
from loam.config.sections.sentinel2 import Sentinel2
from loam.config.sections.training import Training
from loam.config.sections.zones import Zones
from loam.errors import ConfigError


def _boundary(text: str) -> str:
    try:
        shift_of(text)
    except ConfigError as error:
        raise RefusalError(error.what, expected=error.expected) from None
    return text


class Run(Section):
    """All of a run's configuration."""

    run: Name = Field("sandbox", description="Name of the run; its products are in `results/<run>/`.")
    data_dir: str = Field(
        "data",
        description="Folder that holds the real data sets. `{data_dir}` in a path stands for it, `{run}` for the run's "
        "name.",
    )
    seed: int = Field(
        42,
        ge=0,
        description="Every random draw of the run (folds, weights, batches, bootstrap, sandbox) follows from it.",
    )
    layers: Layers = Field(
        default_factory=two_layers,
        description="Soil layers from the top down. All models predict all layers at once.",
    )
    day_boundary: Annotated[str, AsText, AfterValidator(_boundary), Words("where a day begins", "00:00+10:00")] = Field(
        "00:00+00:00",
        description="Where a day begins, as a clock time and that clock's offset from UTC. `00:00+00:00` is a day in "
        "UTC, `00:00+10:00` one in eastern Australian standard time, `09:00+10:00` one from nine to nine. Daily values "
        "keep their provider's day.",
    )
    acquire: Acquire = Field(
        default_factory=Acquire,
        description="Which raw data are fetched, from where, for which days (docs/how-to/tasmania.md); "
        "docs/reference/datasets.md lists the datasets and their back ends. A kind that is null is not fetched.",
    )
    sentinel1: Sentinel1 = Field(
        default_factory=Sentinel1,
        description="From Sentinel-1 products to backscatter on the run's grid (docs/explanation/sentinel1.md).",
    )
    sentinel2: Sentinel2 = Field(
        default_factory=Sentinel2, description="From Sentinel-2 products to NDVI and NDWI on the run's grid."
    )
    samples: Samples = Field(
        default_factory=Samples, description="Where the rows come from that models learn from and are scored on."
    )
    probes: Probes = Field(
        default_factory=Probes,
        description="Files of soil-moisture probes, and how daily moisture of the layers is made from them "
        "(docs/how-to/use-probe-files.md).",
    )
    covariates: Covariates = Field(
        default_factory=Covariates,
        description="How covariates are made from what was fetched or comes with the probes.",
    )
    features: Features = Field(
        default_factory=Features, description="What the models read, by the names of the tables' columns."
    )
    training: Training = Field(
        default_factory=Training,
        description="Which networks are trained, and how (defaults are those of Widyastuti et al.).",
    )
    evaluation: Evaluation = Field(
        default_factory=Evaluation, description="How held-out predictions are scored, and what they must beat."
    )
    level: Level = Field(default_factory=Level, description="Whose mean a station's prediction has.")
    mapping: Mapping = Field(default_factory=Mapping, description="Which days are mapped, where, from which rasters.")
    zones: Zones = Field(
        default_factory=Zones, description="Polygons that each day's map is summarised over (docs/how-to/zones.md)."
    )
    sandbox: Sandbox = Field(
        default_factory=Sandbox, description="The synthetic world of the default run (docs/sandbox.md)."
    )
