"""Section ``features``: what the models read, by the names of the tables' columns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from loam.config.model import Lags, Number, Section
from loam.config.refusal import RefusalError

# Windows of lags of modelled moisture: those of Widyastuti et al., and what is known in near real time (SMAP L4 comes
# with about three days of delay).
LAG_WINDOWS = {"paper": [0, 7], "near_real_time": [3, 10]}


def _named_window(lags: Any) -> Any:
    if not isinstance(lags, str):
        return lags
    if lags not in LAG_WINDOWS:
        raise RefusalError(
            f"no window '{lags}'", expected=f"[first, last], like [0, 7], or one of {', '.join(LAG_WINDOWS)}"
        )
    return list(LAG_WINDOWS[lags])


class DailyFeature(Section):
    """A number of the day and of the days before."""

    name: str = Field(description="Column.", examples=["rain"])
    lags: Lags = Field(description="First and last lag in days, both included; 0 is the day itself.")


class Sequence(Section):
    """The series that the recurrent part of a network reads."""

    variables: list[str] | None = Field(
        None, description="Columns, found like `daily`; may be empty.", examples=[["sm_surface", "sm_rootzone"]]
    )
    lags: Annotated[Lags, BeforeValidator(_named_window)] = Field(
        [0, 7],
        description="First and last lag in steps, both included; or a name: `paper` is [0, 7], `near_real_time` [3, "
        "10], what is known on the day itself.",
    )
    every: int = Field(
        1,
        ge=1,
        description="Days of a step; the last of step 0 is the day itself. A step of 5 days has columns like "
        "`sm_surface_mean5_0`.",
    )
    statistic: Literal["last", "mean", "sum"] = Field(
        "last", description="What a step tells of its days that have a value."
    )
    missing_share: Number = Field(
        0.0,
        ge=0,
        lt=1,
        description="Of a step's days that may have no value, before the step is missing; in a sum the mean of the "
        "others stands in for them.",
    )


class ClassFeature(Section):
    """A column of classes."""

    name: str = Field(description="Column.", examples=["landcover"])
    values: list[str | int] = Field(
        min_length=2, description="The classes; another one in a table is an error.", examples=[["PAST", "FORE"]]
    )


class Neighbours(Section):
    """The other probes of the day, for models with ``neighbours: true``."""

    power: Number = Field(2.0, ge=0, description="Of the inverse distance that weighs a station's anomaly.")
    floor_km: Number = Field(1.0, gt=0, description="Nearer stations weigh as if they were so far away.")
    absent: Number = Field(
        0.25,
        ge=0,
        lt=1,
        description="Share of the training rows that are shown without them, so that a network learns the days on "
        "which no other probe reports.",
    )


class Features(Section):
    """What the models read."""

    static: list[str] | None = Field(
        None,
        description="Numbers that do not change at a station. Null, here and below, is the published method's in a run "
        "from the cube, none in one from tables.",
        examples=[["elevation", "clay_1"]],
    )
    daily: list[DailyFeature] | None = Field(
        None,
        description="Numbers of the day and, with lags, of the days before. Read from columns `<name>_<lag>` where "
        "they exist, else built from the daily column `<name>`; a lag that crosses a gap is missing.",
        examples=[[{"name": "rain", "lags": [0, 3]}]],
    )
    sequence: Sequence = Field(
        default_factory=Sequence,
        description="The modelled moisture, read as a series of days; the recurrent part of a network takes it step by "
        "step.",
    )
    classes: list[ClassFeature] | None = Field(
        None,
        description="Class columns; each value becomes one 0/1 feature.",
        examples=[[{"name": "landcover", "values": ["PAST", "FORE"]}]],
    )
    patch: list[str] = Field(
        [],
        description="Covariates of the cube whose pixels around a place are read too, by models that declare a `patch` "
        "in their window (docs/how-to/add-a-model.md): static ones, and daily ones on each step of the window.",
        examples=[["elevation", "ndvi"]],
    )
    day_of_year: bool = Field(False, description="Add the sine and cosine of the day of year.")
    neighbours: Neighbours = Field(
        default_factory=Neighbours,
        description="The mean anomaly of the other stations that report on the day, weighed by distance: an input of "
        "models with `neighbours: true`.",
    )
