"""Section ``evaluation``: how held-out predictions are scored, and what they must beat."""

from __future__ import annotations

from pydantic import Field

from loam.config.model import Section


class Baseline(Section):
    """A feature that predicts a layer."""

    layer: str = Field(description="Layer that is predicted.", examples=["surface"])
    feature: str = Field(
        description="Feature that predicts it, as in the samples (`sm_surface_0`).", examples=["sm_surface_0"]
    )


class Evaluation(Section):
    """How predictions are scored."""

    coarse: list[Baseline] | None = Field(
        None,
        description="The modelled moisture itself as a baseline, rescaled by a line fitted on the training stations. "
        "Null is `sm_surface_0` and `sm_rootzone_0` for layers `surface` and `subsurface`, where the sequence has "
        "them.",
        examples=[[{"layer": "surface", "feature": "sm_surface_0"}]],
    )
    bootstrap: int = Field(1000, ge=100, description="Draws of stations for the 95 % intervals of medians and means.")
