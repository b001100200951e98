"""Section ``evaluation``: how held-out predictions are scored, and what they must beat."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loam.config.model import EachOnce, Name, Number, Section

DEFAULT = [
    "coarse", "same_day_mean", "climatology", "inverse_distance", "boosted_trees", "boosted_trees_all",
    "within_station_trees",
]  # fmt: skip


class Modelled(Section):
    """A feature that predicts a layer."""

    layer: str = Field(description="Layer that is predicted.", examples=["surface"])
    feature: str = Field(
        description="Feature that predicts it, as in the samples (`sm_surface_0`).", examples=["sm_surface_0"]
    )


class Intervals(Section):
    """Intervals of held-out predictions, from the residuals of the other stations."""

    method: Literal["level_and_dynamics", "scaled_level", "dissimilarity", "residuals"] = Field(
        "level_and_dynamics",
        description="`level_and_dynamics`: the errors of stations' means and those about the means apart, which holds "
        "with few stations; `scaled_level`: likewise, wider where the mean prediction is far from that of the other "
        "stations; `dissimilarity`: likewise, wider where the features are unlike those of the training data; "
        "`residuals`: quantiles of the absolute residuals, stations weighted alike.",
    )
    levels: Annotated[list[Annotated[Number, Field(gt=0, lt=1)]], EachOnce] = Field(
        [0.5, 0.8, 0.9, 0.95], min_length=1, description="Levels of confidence that `coverage.csv` tells."
    )
    finite_sample: bool = Field(
        False,
        description="`residuals` only: the quantile that is guaranteed with few stations; it is wide, and has no bound "
        "with fewer than nine other stations at 90 %.",
    )


class Adapt(Section):
    """How far a few days of a new probe bring the error down."""

    days: Annotated[list[Annotated[int, Field(ge=0)]], EachOnce] = Field(
        [0, 1, 3, 7, 30, 90], min_length=1, description="Numbers of days that are known of a held-out station."
    )
    draws: int = Field(10, ge=1, description="Draws of the days that are chosen at random.")


class Evaluation(Section):
    """How predictions are scored."""

    coarse: list[Modelled] | None = Field(
        None,
        description="The modelled moisture itself as a rival, rescaled by a line fitted on the training stations. "
        "Null is `sm_surface_0` and `sm_rootzone_0` for layers `surface` and `subsurface`, where the sequence has "
        "them.",
        examples=[[{"layer": "surface", "feature": "sm_surface_0"}]],
    )
    rivals: Annotated[list[Name], EachOnce] = Field(
        default_factory=lambda: [*DEFAULT],
        description="What networks are held against, predicted fold by fold as they are (docs/explanation/rivals.md): "
        "any of `coarse`, `same_day_mean`, `climatology`, `persistence`, `inverse_distance`, `kriging`, `ridge`, "
        "`random_forest`, `boosted_trees`, `boosted_trees_all`, `boosted_trees_neighbours`, `within_station_trees`, "
        "`within_station_trees_neighbours`.",
    )
    conditioned: Annotated[list[Name], EachOnce] = Field(
        default_factory=list,
        description="Networks of `training.models` that are scored once more as `<model>_conditioned`: moved by the "
        "residuals of the other probes of the day (docs/explanation/conditioning.md). They are trained anew in "
        "protocol `nested`.",
        examples=[["mlp_within"]],
    )
    bootstrap: int = Field(1000, ge=100, description="Draws of stations for the 95 % intervals of medians and means.")
    intervals: Intervals = Field(
        default_factory=Intervals,
        description="90 % intervals of the predictions, and how often they hold (docs/explanation/intervals.md).",
    )
    adapt: Adapt = Field(
        default_factory=Adapt,
        description="Errors at held-out stations of which a few days are known (`adaptation.csv`).",
    )
