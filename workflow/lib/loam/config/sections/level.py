"""Section ``level``: whose mean a station's prediction has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loam.config.model import EachOnce, Name, Number, Section, Share


class Mix(Section):
    """The level of a network, shared with a rival."""

    rival: Name = Field("boosted_trees_all", alias="with", description="The rival whose mean is mixed in.")
    share: Share = Field(0.5, description="Its share of the mean; the rest is the network's own.")
    dynamics: Number = Field(
        0.0,
        ge=0,
        le=1,
        description="Its share of the deviations from the mean; with `share`, 0.5 for both is the mean of the two.",
    )
    models: Annotated[list[Name], EachOnce] = Field(
        default_factory=list,
        description="Networks of `training.models` that are scored mixed too, as `<model>_mixed`.",
        examples=[["mlp"]],
    )


class Stack(Section):
    """The level of a network as a weighted mean of several systems', with weights learnt at other stations."""

    of: Annotated[list[Name], EachOnce] = Field(
        default_factory=lambda: ["boosted_trees_all", "climatology"],
        min_length=1,
        description="Rivals that take part beside the network; `climatology` stands for the mean of the stations.",
    )
    models: Annotated[list[Name], EachOnce] = Field(
        default_factory=list,
        description="Networks of `training.models` that are scored stacked too, as `<model>_stacked`. They and the "
        "rivals are trained anew in protocol `nested`, `training.protocol_settings.nested.folds` times for each "
        "station.",
        examples=[["mlp_within"]],
    )


class Level(Section):
    """The level of predictions."""

    mix: Mix = Field(
        default_factory=Mix,
        description="A station's mean prediction is moved towards that of a rival, its deviations from the mean stay "
        "the network's (docs/explanation/rivals.md).",
    )
    stack: Stack = Field(
        default_factory=Stack,
        description="A station's mean prediction becomes a weighted mean of several systems', with weights that are "
        "learnt at the other stations, held out from one another (docs/explanation/rivals.md).",
    )
