"""The table of a run's scenes: which Sentinel-1 and Sentinel-2 scenes there are, from whom, and where they lie.

``snakemake scenes`` writes it (config key `acquire.scenes`); people may commit it, so an unchanged list is the same
bytes: rows sorted, times and coordinates rounded, nothing of when it was asked. A later listing adds rows and takes
none away, except a scene that the provider has processed anew: of one take the newest processing stays.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pandera.pandas as pa
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from loam.acquire.access import Choice
from loam.acquire.catalogue import BACK_ENDS
from loam.acquire.scenes.scene_names import sentinel1_name
from loam.config.sections.acquire import Sentinel2Scenes
from loam.errors import TableError
from loam.io.tables import check_table, read_table, write_table

log = logging.getLogger("loam")

POLARISATIONS = ("VV", "VH")  # of Sentinel-1 scenes, where a run names none
SAME_TAKE_S = 60.0  # scenes of a tile that are sensed within so many seconds are of one overpass
DEGREES = 5  # decimals of a footprint's coordinates, about 1 m


def _text(pattern: str | None = None) -> pa.Column:
    return pa.Column(str, pa.Check.str_matches(pattern) if pattern else None, coerce=True, nullable=True)


SCENES = pa.DataFrameSchema(
    {
        "scene": pa.Column(str, pa.Check.str_matches(r"^[A-Za-z0-9][\w.-]*$"), coerce=True),
        "dataset": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True),
        "back_end": pa.Column(str, pa.Check.isin(BACK_ENDS), coerce=True),
        "platform": _text(r"^(S[123][A-D])?$"),
        # start of the take, UTC
        "acquired": pa.Column(str, pa.Check.str_matches(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"), coerce=True),
        "relative_orbit": pa.Column("Int64", pa.Check.in_range(1, 175), coerce=True, nullable=True),
        "direction": _text("^(ascending|descending)?$"),
        "tile": _text(r"^(\d\d[A-Z]{3})?$"),  # of the military grid, Sentinel-2 only
        "polarisations": _text(r"^((HH|HV|VH|VV)(\+(HH|HV|VH|VV))*)?$"),
        "cloud_cover": pa.Column(float, pa.Check.in_range(0, 100), coerce=True, nullable=True),  # percent
        "version": _text(),  # processing baseline (Sentinel-2: 05.09) or processor (Sentinel-1: 003.61)
        "bytes": pa.Column("Int64", pa.Check.ge(1), coerce=True, nullable=True),
        "checksum": _text("^((md5|sha256):[0-9a-f]+)?$"),
        "url": _text(r"^([a-z0-9]+://[^@?\s]+)?$"),  # without user and query: neither keys nor signatures
        "footprint": _text(r"^((MULTI)?POLYGON \(.*\))?$"),  # longitude, latitude
    },
    strict=True,
    ordered=True,
    unique=["dataset", "scene"],
)
_TEXT = [name for name, column in SCENES.columns.items() if str(column.dtype).startswith("str")]


def read_scenes(path: str | Path) -> pd.DataFrame:
    """The table of scenes; text that lacks is the empty string.

    Raises:
        TableError: no such file, or it does not fit ``SCENES``.
    """
    frame = read_table(path, SCENES)
    return frame.fillna(dict.fromkeys(_TEXT, ""))


def write_scenes(frame: pd.DataFrame, path: str | Path) -> None:
    """Write the table: sorted by dataset, time and name, so that the same scenes are the same bytes."""
    write_table(in_form(frame, where=path), path)


def meets(scenes: pd.DataFrame, choice: Choice) -> pd.Series:
    """Which scenes have the orbits, direction and polarisations, or no more cloud than, the run chose: [scene] bool.

    Of Sentinel-1 those with VV and VH, if the run says nothing else; a cloud cover that is not known is none.
    """
    kept = pd.Series(True, index=scenes.index)
    if isinstance(choice, Sentinel2Scenes):
        return kept if choice.cloud_cover is None else scenes["cloud_cover"].fillna(0) <= choice.cloud_cover
    if choice.relative_orbits:
        kept &= scenes["relative_orbit"].isin(choice.relative_orbits)
    if choice.direction:
        kept &= scenes["direction"] == choice.direction
    wanted = set(choice.polarisations or POLARISATIONS)
    return kept & scenes["polarisations"].map(lambda text: wanted <= set(text.split("+"))).astype(bool)


def in_form(frame: pd.DataFrame, *, where: object = "list of scenes") -> pd.DataFrame:
    """``frame`` as ``SCENES`` wants it: columns in order, times as ISO in UTC, footprints rounded, rows sorted.

    Columns that lack are empty.

    Raises:
        TableError: a row does not fit.
    """
    frame = frame.reindex(columns=list(SCENES.columns))
    frame = frame.astype(object).where(frame.notna(), None)
    frame[_TEXT] = frame[_TEXT].fillna("")
    frame["acquired"] = [iso_time(value) for value in frame["acquired"]]
    frame["footprint"] = [footprint_text(value) for value in frame["footprint"]]
    frame["direction"] = [str(value).lower() for value in frame["direction"]]
    frame["cloud_cover"] = pd.to_numeric(frame["cloud_cover"]).astype(float).round(4)
    for name in ("relative_orbit", "bytes"):
        frame[name] = pd.to_numeric(frame[name]).round().astype("Int64")
    frame = frame.sort_values(["dataset", "acquired", "scene"], kind="stable").reset_index(drop=True)
    return check_table(frame, SCENES, where=where)


def no_scenes() -> pd.DataFrame:
    """A table without rows."""
    return in_form(pd.DataFrame({name: [] for name in SCENES.columns}))


def merge_scenes(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``old`` that ``new`` lacks and all of ``new``, without takes that have been processed anew.

    Where two rows are of one take, that of a provider of ``new`` stays (versions of two providers cannot be compared),
    of these the newer version; of the same version, the one that the provider still lists, and of two such the one
    that ``old`` has.
    """
    old, new = in_form(old, where="old list of scenes"), in_form(new, where="new list of scenes")
    keys = ["dataset", "scene"]
    known, listed = (set(frame[keys].itertuples(index=False, name=None)) for frame in (old, new))
    providers = {_provider(row) for row in new[["dataset", "url"]].to_dict("records")}
    gone = [key not in listed for key in old[keys].itertuples(index=False, name=None)]
    rows = pd.concat([old[gone], new], ignore_index=True) if len(old) and len(new) else old if len(old) else new
    order = sorted(
        rows.to_dict("records"),
        key=lambda row: (
            _provider(row) in providers, _version(row["version"]), _key(row) in listed, _key(row) in known,
            row["scene"],
        ),
        reverse=True,
    )  # fmt: skip
    kept: dict[tuple[str, ...], dict[int, list[dict[str, Any]]]] = {}
    dropped: set[tuple[str, str]] = set()
    for row in order:
        group, minute = kept.setdefault(_take(row), {}), int(pd.Timestamp(row["acquired"]).timestamp() // SAME_TAKE_S)
        near = (other for step in (-1, 0, 1) for other in group.get(minute + step, ()))
        better = next((other for other in near if _same_take(row, other)), None)
        if better is None:
            group.setdefault(minute, []).append(row)
            continue
        dropped.add(_key(row))
        log.info(
            "%s: %s (version %s) left out, the same take as %s (version %s)",
            row["dataset"], row["scene"], row["version"] or "unknown", better["scene"], better["version"] or "unknown",
        )  # fmt: skip
    stays = [key not in dropped for key in rows[keys].itertuples(index=False, name=None)]
    return in_form(rows[stays])


def iso_time(value: Any) -> str:
    """A time (datetime, pandas timestamp, ISO text, milliseconds since 1970) as ``2020-01-05T19:03:12.345Z``.

    Times without a zone are UTC.

    Raises:
        TableError: it is no time.
    """
    try:
        if isinstance(value, int | float):
            when = datetime.fromtimestamp(value / 1000, UTC)
        else:
            when = pd.Timestamp(value).to_pydatetime(warn=False)
            when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"
    except (ValueError, TypeError, OverflowError):
        raise TableError(f"'{value}' is no time", where="column acquired of scenes", expected="ISO 8601, UTC") from None


def footprint_text(value: Any) -> str:
    """A footprint (GeoJSON mapping or text, WKT, shapely geometry) as WKT in degrees; empty where there is none.

    Raises:
        TableError: it is no polygon.
    """
    if value is None or (isinstance(value, str) and not value) or value is pd.NA:
        return ""
    try:
        geometry = _geometry(value)
        polygon = shapely.set_precision(shapely.force_2d(geometry), 10.0**-DEGREES).normalize()
        if polygon.geom_type not in ("Polygon", "MultiPolygon"):
            raise ValueError(polygon.geom_type)
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError):
        raise TableError(f"'{str(value)[:80]}' is no polygon", where="column footprint of scenes") from None
    text = shapely.to_wkt(polygon, rounding_precision=DEGREES, trim=True)
    return re.sub(r"-0(?=[ ,)])", "0", text)


def _geometry(value: Any) -> BaseGeometry:
    if isinstance(value, BaseGeometry):
        return value
    if isinstance(value, Mapping):
        return shape(value)
    text = str(value).strip()
    return shape(json.loads(text)) if text.startswith("{") else shapely.from_wkt(text)


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["dataset"], row["scene"]


def _provider(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["dataset"], urlsplit(row["url"]).netloc


def _version(text: str) -> tuple[int, ...]:
    """``05.09``, ``N0509`` and ``003.61`` as numbers to compare; an unknown version is older than any."""
    if coded := re.fullmatch(r"N(\d\d)(\d\d)", text):
        return int(coded[1]), int(coded[2])
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _take(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What scenes of one take have in common."""
    if row["scene"].startswith("S1"):
        name = sentinel1_name(row["scene"])
        return row["dataset"], name.mission, name.mode, name.product, name.polarisations, name.datatake
    return row["dataset"], row["platform"], row["tile"] or row["scene"]


def _same_take(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two scenes show the same ground at the same time: not slices of a datatake, nor parts of a tile that lie
    in two data strips.
    """
    if one["scene"].startswith("S1"):
        first, second = sentinel1_name(one["scene"]), sentinel1_name(other["scene"])
        shared = (min(first.stop, second.stop) - max(first.start, second.start)).total_seconds()
        return shared > 0.5 * min((name.stop - name.start).total_seconds() for name in (first, second))
    apart = abs((pd.Timestamp(one["acquired"]) - pd.Timestamp(other["acquired"])).total_seconds())
    if not (one["footprint"] and other["footprint"]):
        return apart < 1
    if apart > SAME_TAKE_S:
        return False
    areas = [shapely.from_wkt(row["footprint"]) for row in (one, other)]
    return areas[0].intersection(areas[1]).area > 0.5 * min(area.area for area in areas)
