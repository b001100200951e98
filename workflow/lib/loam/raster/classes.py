"""Land cover in the five classes of the models, by crosswalk tables from the products' own classes.

A table ``config/crosswalks/<product>.csv`` has one row a class of the product: code, name, class. The classes are PAST
(pasture), FORE (forest), AGRI (rain-fed agriculture), SAVA (savanna and shrubs, grazed native vegetation), IRRI
(irrigated), after Widyastuti et al.; WATER is not land, OTHER is land of none of the five (towns, bare rock, wetland).
A product that cannot tell a class (ESA WorldCover knows no irrigation) has no row of it; ``classes_told`` says which
are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from loam.errors import ConfigError, RasterError
from loam.io.tables import read_table

CLASSES = ("PAST", "FORE", "AGRI", "SAVA", "IRRI")
CODES = {name: code for code, name in enumerate(CLASSES, start=1)}  # as the static cube holds them; OTHER, WATER: 0
WATER, OTHER = 6, 7  # inside this program, beside CODES
NO_CLASS = 255
FOLDER = Path(__file__).resolve().parents[4] / "config" / "crosswalks"

CROSSWALK = pa.DataFrameSchema(
    {
        "code": pa.Column(int, pa.Check.in_range(0, 65535), coerce=True),
        "name": pa.Column(str, coerce=True),
        "class": pa.Column(str, pa.Check.isin([*CLASSES, "WATER", "OTHER"]), coerce=True),
    },
    strict=True,
    unique=["code"],
)


@dataclass(frozen=True)
class Crosswalk:
    """From codes of a product to classes.

    Args:
        product: its name (``clum``).
        lookup: class (CODES, WATER, OTHER) by code; 0 where the code is not in the table.
        told: the classes of the models that it can tell, in their order.
    """

    product: str
    lookup: np.ndarray
    told: tuple[str, ...]

    def classes(self, codes: np.ndarray, found: np.ndarray, where: object) -> np.ndarray:
        """Classes (uint8, NO_CLASS where not ``found``) of ``codes`` [any shape].

        Raises:
            RasterError: a code is not in the table.
        """
        out = np.full(codes.shape, NO_CLASS, np.uint8)
        given = np.asarray(codes[found])
        with np.errstate(invalid="ignore"):
            whole = given.astype(np.int64)
        known = (whole == given) & (whole >= 0) & (whole < len(self.lookup))
        known[known] = self.lookup[whole[known]] > 0
        if not known.all():
            raise RasterError(
                f"land cover code {given[~known].ravel()[0]:g} is not in the crosswalk of {self.product}", where=where,
                expected=f"the codes of {FOLDER.name}/{self.product}.csv",
                fix="add the code to that table, or mark it as missing in the file",
            )  # fmt: skip
        out[found] = self.lookup[whole]
        return out


def crosswalk_of(product: str, folder: Path = FOLDER) -> Crosswalk:
    """The crosswalk of a land-cover product.

    Raises:
        ConfigError: there is none.
        TableError: it cannot be read.
    """
    path = folder / f"{product}.csv"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in folder.glob("*.csv")))
        raise ConfigError(
            f"no crosswalk for land cover '{product}'", where=path, expected=f"one of {known}",
            fix="write one: code, name, class",
        )  # fmt: skip
    table = read_table(path, CROSSWALK, foreign=True)
    numbers = {**CODES, "WATER": WATER, "OTHER": OTHER}
    lookup = np.zeros(int(table["code"].max()) + 1, np.uint8)
    lookup[table["code"].to_numpy()] = table["class"].map(numbers).to_numpy()
    return Crosswalk(product, lookup, tuple(name for name in CLASSES if name in set(table["class"])))


def classes_told(product: str) -> tuple[str, ...]:
    """The classes of the models that a product can tell, in their order."""
    return crosswalk_of(product).told


def class_names(codes: np.ndarray) -> pd.Series:
    """Names of classes by the codes of the static cube: OTHER for 0, None where missing."""
    names = {0: "OTHER", **{code: name for name, code in CODES.items()}}
    return pd.Series([names.get(int(code)) if np.isfinite(code) else None for code in codes], dtype=object)
