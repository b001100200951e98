"""Read a Sentinel-1 product in place, from a SAFE folder or a zip of one: its files, and XML as numbers.

Layout and names: Sentinel-1 Product Specification, S1-RS-MDA-52-7441.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np

from loam.errors import RasterError
from loam.io.archives import open_zip, read_member

MANIFEST = "manifest.safe"


@dataclass(frozen=True)
class Safe:
    """The files of a product.

    Args:
        path: the SAFE folder, or the zip.
        name: the product's name, without ``.SAFE``.
        root: the folder in the zip that holds the product, with a slash at its end; empty for a folder.
    """

    path: Path
    name: str
    root: str = ""

    @property
    def zipped(self) -> bool:
        """Whether the product lies in a zip."""
        return self.path.is_file()

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of all files inside the product, sorted."""
        if self.zipped:
            with open_zip(self.path, kind=RasterError) as archive:
                names = [name.removeprefix(self.root) for name in archive.namelist() if name.startswith(self.root)]
            return tuple(sorted(name for name in names if name and not name.endswith("/")))
        return tuple(sorted(item.relative_to(self.path).as_posix() for item in self.path.rglob("*") if item.is_file()))

    def matching(self, pattern: str) -> list[str]:
        """The files whose path inside the product matches a regular expression whole."""
        return [name for name in self.files if re.fullmatch(pattern, name)]

    def where(self, file: str) -> str:
        """How a file is named in messages."""
        return f"{self.path}{'!' if self.zipped else '/'}{self.root}{file}"

    def raster_path(self, file: str) -> str:
        """The path under which GDAL opens a file of the product."""
        if self.zipped:
            return f"/vsizip/{{{self.path.resolve()}}}/{self.root}{file}"
        return str(self.path / file)

    @cached_property
    def listed(self) -> dict[str, str | None]:
        """The files that the manifest lists, by path inside the product, with their MD5 where it says one."""
        if MANIFEST not in self.files:
            return {}
        found: dict[str, str | None] = {}
        for stream in self._parsed(MANIFEST).iter():
            if stream.tag.rsplit("}", 1)[-1] != "byteStream":
                continue
            location, checksum = stream.find("fileLocation"), stream.find("checksum")
            if location is not None:
                md5 = checksum is not None and checksum.get("checksumName", "").upper() == "MD5"
                path = PurePosixPath(location.get("href", "")).as_posix()
                found[path] = (checksum.text or "").strip().lower() if md5 else None
        return found

    def text(self, file: str) -> bytes:
        """The bytes of a file.

        Raises:
            RasterError: it cannot be read.
        """
        try:
            if self.zipped:
                with open_zip(self.path, kind=RasterError) as archive:
                    return read_member(archive, self.root + file, kind=RasterError, where=self.where(file))
            return (self.path / file).read_bytes()
        except OSError as error:
            raise RasterError(
                f"cannot be read ({error})", where=self.where(file), fix="fetch the product again"
            ) from None

    def xml(self, file: str) -> Xml:
        """A file of the product, as XML.

        Raises:
            RasterError: it is no XML, or another than the manifest lists.
        """
        return Xml(self._parsed(file), self.where(file))

    def _parsed(self, file: str) -> ElementTree.Element:
        content = self.text(file)
        expected = self.listed.get(file) if file != MANIFEST else None
        if expected and hashlib.md5(content, usedforsecurity=False).hexdigest() != expected:
            raise RasterError(
                "is not the file that the manifest lists (MD5)", where=self.where(file), expected=expected,
                fix="fetch the product again",
            )  # fmt: skip
        try:
            return ElementTree.fromstring(content)
        except ElementTree.ParseError as error:
            raise RasterError(f"is no XML ({error})", where=self.where(file), fix="fetch the product again") from None


@dataclass(frozen=True)
class Xml:
    """An element of an XML file; asks for what must be there."""

    element: ElementTree.Element
    where: str

    def find(self, path: str) -> Xml:
        """The first element at ``path``.

        Raises:
            RasterError: there is none.
        """
        found = self.element.find(path)
        if found is None:
            raise RasterError(f"has no element '{path}'", where=self.where, expected="a Sentinel-1 level 1 file")
        return Xml(found, self.where)

    def all(self, path: str) -> Iterator[Xml]:
        """All elements at ``path``, in order."""
        for element in self.element.iterfind(path):
            yield Xml(element, self.where)

    def has(self, path: str) -> bool:
        """Whether there is an element at ``path``."""
        return self.element.find(path) is not None

    def text(self, path: str) -> str:
        """The text of the first element at ``path``."""
        return (self.find(path).element.text or "").strip()

    def number(self, path: str) -> float:
        """The number at ``path``."""
        try:
            value = float(self.text(path))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise RasterError(f"'{path}' is no number", where=self.where)
        return value

    def count(self, path: str) -> int:
        """The whole number at ``path``."""
        return int(self.number(path))

    def array(self, path: str) -> np.ndarray:
        """The numbers at ``path``, float64 [n]; as many as its attribute ``count`` says.

        Raises:
            RasterError: they are not numbers, or not as many.
        """
        element = self.find(path).element
        try:
            values = np.array((element.text or "").split(), dtype=np.float64)
        except ValueError:
            raise RasterError(f"'{path}' holds what is no number", where=self.where) from None
        if str(len(values)) != element.get("count", str(len(values))).strip():
            raise RasterError(
                f"'{path}' holds {len(values)} numbers", where=self.where, expected=f"{element.get('count')}",
                fix="fetch the product again",
            )  # fmt: skip
        return values

    def time(self, path: str) -> np.datetime64:
        """The time at ``path``, UTC, to the nanosecond."""
        try:
            return np.datetime64(self.text(path).removesuffix("Z").removeprefix("UTC="), "ns")
        except ValueError:
            raise RasterError(f"'{path}' is no time", where=self.where) from None


def open_safe(path: str | Path) -> Safe:
    """The product at ``path``: a SAFE folder, or a zip that holds one.

    Raises:
        RasterError: there is none.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / MANIFEST).is_file():
            raise RasterError(f"holds no {MANIFEST}", where=path, expected="a SAFE folder, or a zip of one")
        return Safe(path, path.name.removesuffix(".SAFE"))
    if not path.is_file():
        raise RasterError("no such product", where=path, expected="a SAFE folder, or a zip of one")
    with open_zip(path, kind=RasterError, expected="a whole zip") as archive:
        names = archive.namelist()
    roots = sorted({match[1] for name in names if (match := re.match(r"((?:.*/)?[^/]+\.SAFE/)", name))}, key=len)
    if not roots:
        raise RasterError("holds no .SAFE folder", where=path, expected="a zip of one Sentinel-1 product")
    if len(roots) > 1:
        raise RasterError(f"holds {len(roots)} .SAFE folders", where=path, expected="a zip of one Sentinel-1 product")
    return Safe(path, roots[0].rstrip("/").rsplit("/", 1)[-1].removesuffix(".SAFE"), roots[0])


def seconds(times: np.datetime64 | np.ndarray, epoch: np.datetime64) -> np.ndarray:
    """Times (any shape) as seconds since ``epoch``, float64."""
    return (np.asarray(times, "datetime64[ns]") - np.datetime64(epoch, "ns")).astype(np.float64) / 1e9
