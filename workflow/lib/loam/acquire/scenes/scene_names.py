"""Names of scenes: those that a run's table lists, and what the name of a Sentinel-1 product says.

Read when the workflow is parsed, so standard library only. The naming is that of the Sentinel-1 product specification
(S1-RS-MDA-52-7441, section 3.4.1): mission, mode, product and class, start, stop, absolute orbit, datatake, product id.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from loam.errors import TableError

_PRODUCT = re.compile(
    r"(?P<mission>S1[A-D])_(?P<mode>IW|EW|S[1-6]|WV)_(?P<product>[A-Z]{3}[FHM_])_(?P<level>\w)(?P<kind>\w)"
    r"(?P<polarisation>SH|SV|DH|DV|VV|HH|HV|VH)_(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})_(?P<orbit>\d{6})_"
    r"(?P<datatake>[0-9A-F]{6})_(?P<id>[0-9A-F]{4})(?:\.SAFE)?"
)
_POLARISATIONS = {"SH": "HH", "SV": "VV", "DH": "HH+HV", "DV": "VV+VH"}


@dataclass(frozen=True)
class Sentinel1Name:
    """What the name of a Sentinel-1 product says; times in UTC, to the second."""

    mission: str
    mode: str
    product: str
    polarisations: str
    start: datetime
    stop: datetime
    orbit: int
    datatake: str
    id: str


def scene_rows(path: str | Path, dataset: str) -> list[dict[str, str]]:
    """The rows of ``dataset`` in a run's table, as text, in its order; none where the table does not exist yet.

    Raises:
        TableError: the table has no columns ``scene`` and ``dataset``.
    """
    path = Path(path)
    if not path.is_file():
        return []
    about = path.stat()
    return [row for row in _rows(path, about.st_mtime_ns, about.st_size) if row["dataset"] == dataset]


@lru_cache(maxsize=4)
def _rows(path: Path, time: int, size: int) -> list[dict[str, str]]:
    """All rows of a table that looks so (time of change in ns, bytes): each job that is planned asks for them."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if not {"scene", "dataset"} <= set(reader.fieldnames or ()):
            raise TableError(
                "no table of scenes", where=path, expected="columns scene and dataset",
                fix="remove it and run `snakemake scenes`",
            )  # fmt: skip
        return [*reader]


def is_sentinel1_name(scene: str) -> bool:
    """Whether ``scene`` is the name of a Sentinel-1 product."""
    return _PRODUCT.fullmatch(scene) is not None


def sentinel1_name(scene: str) -> Sentinel1Name:
    """What the product's name says.

    Raises:
        TableError: it is no name of a Sentinel-1 product.
    """
    found = _PRODUCT.fullmatch(scene)
    if found is None:
        raise TableError(
            "no name of a Sentinel-1 product", where=f"scene '{scene}'",
            expected="as S1A_IW_GRDH_1SDV_<start>_<stop>_<orbit>_<datatake>_<id>",
        )  # fmt: skip
    start, stop = (datetime.strptime(found[key], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for key in ("start", "stop"))
    kind = found["polarisation"]
    return Sentinel1Name(
        found["mission"], found["mode"], found["product"], _POLARISATIONS.get(kind, kind), start, stop,
        int(found["orbit"]), found["datatake"], found["id"],
    )  # fmt: skip
