"""What is kept of a granule between attempts: the region's cells of each variable, checked, in one small ``.npz``."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from loam.acquire.canonical.canonical import check_range
from loam.acquire.catalogue import Dataset
from loam.errors import AcquireError
from loam.io.archives import UNREADABLE, open_zip, read_member
from loam.io.atomic import atomic_path

log = logging.getLogger("loam")

Crop = dict[str, np.ndarray]  # variable -> [row, column], float32 with NaN; beside them ``y`` and ``x``


def kept_crop(path: Path, fetch: Callable[[], Crop], dataset: Dataset, may_be_empty: bool, where: str) -> Crop:
    """The crop at ``path``, or what ``fetch`` gives, checked and then kept there."""
    if path.is_file():
        try:
            crop = read_crop(path)
            check_crop(crop, dataset, may_be_empty, where)
            return crop
        except (AcquireError, KeyError, *UNREADABLE) as error:
            log.warning("%s is fetched again (%s)", path.name, error)
            path.unlink()
    crop = fetch()
    check_crop(crop, dataset, may_be_empty, where)
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **crop)
    return crop


def read_crop(path: Path) -> Crop:
    """The crop at ``path``."""
    with open_zip(path, kind=AcquireError) as archive:
        members = {name: read_member(archive, name, kind=AcquireError) for name in archive.namelist()}
    return {
        name.removesuffix(".npy"): np.load(io.BytesIO(content), allow_pickle=False) for name, content in members.items()
    }


def check_crop(crop: Mapping[str, np.ndarray], dataset: Dataset, may_be_empty: bool, where: str) -> None:
    """Check shape, physical range, and that not all is missing (unless flags can screen all).

    Raises:
        AcquireError: it is not what was asked for.
    """
    shape = (len(crop["y"]), len(crop["x"]))
    for variable in dataset.variables.values():
        values = crop[variable.name]
        if values.shape != shape:
            raise AcquireError(f"{variable.name} has {values.shape} cells", where=where, expected=f"{shape}")
        if not may_be_empty and not np.isfinite(values).any():
            raise AcquireError(
                f"{variable.name} is all missing in the region", where=where, expected="values in some cells",
                fix="choose a dataset that covers the region",
            )  # fmt: skip
        check_range(values, variable, where=where, place=lambda at: f"cell {at} of {shape}")
