"""Key ``layers``: the soil layers from the top down."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from loam.config.model import Name, Number, Section
from loam.config.refusal import RefusalError


class Layer(Section):
    """A soil layer."""

    name: Name = Field(description="Name of the layer in every product.", examples=["surface"])
    top_cm: Number = Field(ge=0, description="Upper limit, cm below the surface.", examples=[0])
    bottom_cm: Number = Field(ge=0, description="Lower limit, cm below the surface.", examples=[30])
    column: str = Field(
        description="The layer's column in the sample tables, m3 m-3; not read where samples come from probes.",
        examples=["sm_0_30"],
    )


def _from_the_top_down(layers: list[Layer]) -> list[Layer]:
    names = [layer.name for layer in layers]
    for layer in layers:
        if layer.top_cm >= layer.bottom_cm:
            raise RefusalError(
                f"layer '{layer.name}': top {layer.top_cm} cm is not above bottom {layer.bottom_cm} cm",
                expected="depths in cm below the surface, the top the smaller one",
                fix=f"write {{top_cm: {layer.bottom_cm}, bottom_cm: {layer.top_cm}}}, exchanged"
                if layer.top_cm > layer.bottom_cm
                else "give the layer a thickness",
            )
        if names.count(layer.name) > 1:
            raise RefusalError(f"'{layer.name}' is named twice", fix="give each layer a name of its own")
    for upper, lower in pairwise(layers):
        if lower.top_cm < upper.bottom_cm:
            order = "overlap" if lower.bottom_cm > upper.top_cm else "stand in reverse order"
            raise RefusalError(
                f"layers '{upper.name}' ({upper.top_cm}-{upper.bottom_cm} cm) and '{lower.name}' "
                f"({lower.top_cm}-{lower.bottom_cm} cm) {order}",
                expected="layers from the surface down, each beginning where the one above ends, or below",
            )
    return layers


Layers = Annotated[list[Layer], Field(min_length=1), AfterValidator(_from_the_top_down)]


def two_layers() -> list[Layer]:
    """Those of the published method."""
    return [
        Layer(name="surface", top_cm=0, bottom_cm=30, column="sm_0_30"),
        Layer(name="subsurface", top_cm=30, bottom_cm=60, column="sm_30_60"),
    ]
