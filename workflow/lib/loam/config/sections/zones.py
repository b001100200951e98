"""Section ``zones``: polygons that each day's map is summarised over."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loam.config.model import Name, Number, Section

Moisture = Annotated[Number, Field(ge=0, le=1)]


class Zones(Section):
    """Paddocks, catchments, or any other polygons."""

    file: str | None = Field(
        None,
        description="Vector file of polygons (GeoPackage, GeoJSON, shapefile) in any coordinate reference system; null "
        "for none.",
        examples=["my_data/paddocks.gpkg"],
    )
    id: str = Field("name", description="Its column that names the zones, each once.")
    thresholds: dict[Name, list[Moisture]] = Field(
        {},
        description="Moistures by layer, m3 m-3: the table tells the probability that a zone is drier.",
        examples=[{"surface": [0.15]}],
    )
    wilting_point: dict[Name, Moisture] = Field(
        {},
        description="Moisture by layer, m3 m-3, that plants cannot draw on: with it the table tells the water that "
        "they can, mm.",
        examples=[{"surface": 0.12}],
    )
    field_capacity: dict[Name, Moisture] = Field(
        {},
        description="Moisture by layer, m3 m-3, beyond which water drains and is not counted.",
        examples=[{"surface": 0.35}],
    )
