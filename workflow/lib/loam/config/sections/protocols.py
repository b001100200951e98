"""Section ``training.protocol_settings``: what each protocol is told."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from loam.config.model import Bounds, EachOnce, Number, Section
from loam.config.refusal import RefusalError

TestShare = Annotated[Number, Field(gt=0, lt=1)]


class Group(Section):
    """A group of stations at a time."""

    group: str | None = Field(
        None,
        description="Column whose values are held out one by one, one of `samples.groups`.",
        examples=["landcover"],
    )


class Parts(Section):
    """Stations in parts."""

    folds: int = Field(5, ge=2, description="Parts that the stations are dealt into.")


class Period(Section):
    """The end of the record."""

    test_share: TestShare = Field(0.25, description="Share of the record's days, its last ones, that is tested.")
    validation_share: TestShare = Field(0.15, description="Share of the days, those before, that validates.")

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        if self.test_share + self.validation_share >= 1:
            raise RefusalError("test_share and validation_share leave no day to train", expected="a sum below 1")
        return self


class StationAndPeriod(Section):
    """A station at the end of the record."""

    test_share: TestShare = Field(0.25, description="Share of the record's days, its last ones, that is tested.")


class Inner(Section):
    """Stations in parts, but one."""

    folds: int = Field(4, ge=2, description="Parts that the stations are dealt into once one is left out.")


class Rows(Section):
    """Rows in parts."""

    folds: int = Field(5, ge=2, description="Parts that the rows are dealt into.")
    validation_share: TestShare = Field(0.1, description="Share of the rows of the other parts that validates.")


class FewShot(Section):
    """Few stations."""

    sizes: Annotated[list[Annotated[int, Field(ge=1)]], EachOnce] = Field(
        [1, 2, 4], min_length=1, description="Numbers of stations that train."
    )
    draws: int = Field(5, ge=1, description="Draws of the stations.")


class Boxes(Section):
    """Regions."""

    boxes: dict[str, Bounds] = Field(
        {},
        description="West, south, east and north of each box, degrees, by its name.",
        examples=[{"north": [144.0, -41.0, 149.0, -39.0]}],
    )


class Buffer(Section):
    """A neighbourhood."""

    distance_km: Number = Field(50, gt=0, description="No station this near to the tested one trains or validates.")


class Matched(Section):
    """Parts of the stations as far from each other as the map is from its probes."""

    folds: int = Field(5, ge=2, description="Parts that the stations are dealt into.")
    box: Bounds | None = Field(
        None,
        description="West, south, east and north of the map, degrees; null is the box around the target's stations.",
        examples=[[144.0, -44.0, 149.0, -39.5]],
    )
    points: int = Field(1000, ge=10, description="Places in the box whose distance to the nearest probe is matched.")


class ProtocolSettings(Section):
    """Settings of the protocols by their names; those of a protocol of the user's own are its own affair."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[str, Any]]

    leave_group_out: Group = Field(default_factory=Group, description="One group of stations is tested at a time.")
    k_fold: Parts = Field(default_factory=Parts, description="One part of the stations is tested at a time.")
    temporal: Period = Field(default_factory=Period, description="The end of the record is tested at all stations.")
    station_and_period: StationAndPeriod = Field(
        default_factory=StationAndPeriod,
        description="One station is tested at a time, at the end of the record, which trains nowhere.",
    )
    random_rows: Rows = Field(default_factory=Rows, description="Rows at random are tested. It flatters.")
    few_shot: FewShot = Field(default_factory=FewShot, description="Few stations train, and most others are tested.")
    regional_boxes: Boxes = Field(default_factory=Boxes, description="The stations of one box are tested at a time.")
    buffered: Buffer = Field(
        default_factory=Buffer, description="One station is tested at a time, without its neighbours."
    )
    knndm: Matched = Field(
        default_factory=Matched,
        description="Parts of the stations are tested whose distances to what trains are those of the map to its "
        "probes (kNNDM, Linnenbrink et al. 2024).",
    )
    nested: Inner = Field(
        default_factory=Inner,
        description="One station is left out of everything at a time, and one part of the others is tested: what "
        "`level.stack` learns its weights from.",
    )
