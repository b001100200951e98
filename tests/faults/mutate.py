"""Damage to files, drawn from a seed: the same seed, the same damage."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import netCDF4
import numpy as np

NUMBERS = (b"-999", b"-9999", b"1e20", b"nan", b"", b"inf", b"65535", b"text", b"-0", b"1,5", b"9" * 40)


def damaged(content: bytes, seed: int) -> bytes:
    """``content`` with one kind of damage: bytes flipped, cut off, put in, doubled, exchanged or emptied."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    size = max(1, len(data))
    kind = rng.integers(0, 7)
    first = int(rng.integers(0, size))
    length = int(rng.integers(1, max(2, min(size, 400))))
    if kind == 0:
        for place in rng.integers(0, size, rng.integers(1, 20)):
            data[place] ^= int(rng.integers(1, 256))
    elif kind == 1:
        del data[first:]
    elif kind == 2:
        data[first:first] = rng.bytes(length)
    elif kind == 3:
        data[first:first] = data[first : first + length]
    elif kind == 4:
        other = int(rng.integers(0, size))
        data[first : first + length], data[other : other + length] = (
            data[other : other + length],
            data[first : first + length],
        )
    elif kind == 5:
        data[first : first + length] = bytes(len(data[first : first + length]))
    else:
        del data[first : first + length]
    return bytes(data)


def damaged_text(content: bytes, seed: int) -> bytes:
    """A text table with a cell, a line or a byte of it changed."""
    rng = np.random.default_rng(seed)
    lines = content.split(b"\n")
    line = int(rng.integers(0, len(lines)))
    kind = rng.integers(0, 5)
    if kind == 0:
        cells = lines[line].split(b",")
        cells[rng.integers(0, len(cells))] = NUMBERS[rng.integers(0, len(NUMBERS))]
        lines[line] = b",".join(cells)
    elif kind == 1:
        del lines[line]
    elif kind == 2:
        lines.insert(line, lines[rng.integers(0, len(lines))])
    elif kind == 3:
        lines[line] = lines[line] + b"," + NUMBERS[rng.integers(0, len(NUMBERS))]
    else:
        return damaged(content, seed)
    return b"\n".join(lines)


VALUES = (-999, -1, 0, 1e20, 10**30, float("nan"), float("inf"), None, True, "", "text", "2021-13-45", "NA", [], {},
          [[1, 2]], {"a": 1}, "1e400", "\N{SNOWMAN}")  # fmt: skip

CF = ("scale_factor", "add_offset", "units", "calendar", "missing_value", "grid_mapping", "coordinates", "bounds",
      "valid_range", "dtype", "standard_name", "crs_wkt")  # fmt: skip


def damaged_values(content: Any, seed: int) -> Any:
    """A value of JSON or YAML with one of its parts changed, taken out, or put in a second time."""
    rng = np.random.default_rng(seed)
    found = json.loads(json.dumps(content))
    places = [place for place in _places(found) if place]
    *parents, last = places[rng.integers(0, len(places))]
    holder = found
    for key in parents:
        holder = holder[key]
    kind = rng.integers(0, 6)
    if kind == 0:
        del holder[last]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(last, holder[last])
    elif kind == 2 and isinstance(holder[last], int | float):
        holder[last] = holder[last] * float(rng.choice([-1, 1e-12, 1e12]))
    elif kind == 3 and isinstance(holder, dict):
        holder[f"{last}_"] = holder.pop(last)
    else:
        holder[last] = VALUES[rng.integers(0, len(VALUES))]
    return found


def damaged_json(content: bytes, seed: int) -> bytes:
    """JSON of ``damaged_values``."""
    return json.dumps(damaged_values(json.loads(content), seed)).encode()


def damaged_xml(content: bytes, seed: int) -> bytes:
    """XML with an element emptied, taken out, doubled, moved or given another text or attribute."""
    rng = np.random.default_rng(seed)
    root = ElementTree.fromstring(content)
    pairs = [(parent, child) for parent in root.iter() for child in parent]
    parent, child = pairs[rng.integers(0, len(pairs))]
    kind = rng.integers(0, 6)
    word = str(VALUES[rng.integers(0, len(VALUES))])
    if kind == 0:
        parent.remove(child)
    elif kind == 1:
        parent.insert(0, child)
    elif kind == 2:
        child.attrib = {name: word for name in child.attrib}
    elif kind == 3:
        child.tag += "_"
    elif kind == 4 and (child.text or "").split():
        words = child.text.split()
        words[rng.integers(0, len(words))] = word
        child.text = " ".join(words)
    else:
        child.text = word
    return ElementTree.tostring(root)


def damaged_zip(content: bytes, seed: int) -> bytes:
    """A zip with a member renamed, doubled, emptied, damaged, marked as encrypted, or of an unknown compression."""
    rng = np.random.default_rng(seed)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    name = list(members)[rng.integers(0, len(members))]
    kind = rng.integers(0, 8)
    if kind == 0:
        members[str(rng.choice(["../x", "x.stm", "__MACOSX/._x", "a/b/c/d.csv", "\N{SNOWMAN}.xml"]))] = members.pop(
            name
        )
    elif kind == 1:
        members[f"copy/{name}"] = members[name]
    elif kind == 2:
        members[name] = b""
    elif kind == 3:
        del members[name]
    elif kind == 4:
        members[name] = damaged(members[name], seed)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for own, data in members.items():
            archive.writestr(own, data)
    raw = bytearray(packed.getvalue())
    if kind in (5, 6):
        local, central = (raw.index(mark) for mark in (b"PK\x03\x04", b"PK\x01\x02"))
        if kind == 5:
            raw[local + 6] |= 1
            raw[central + 8] |= 1
        else:
            raw[local + 8] = raw[central + 10] = int(rng.choice([1, 9, 12, 14, 93, 99]))
    elif kind == 7:
        place = raw.index(b"PK\x01\x02")
        raw[place + int(rng.integers(4, 46))] ^= int(rng.integers(1, 256))
    return bytes(raw)


def damage_netcdf(path: Path, seed: int) -> None:
    """Change an attribute, a name or some values of a netCDF file in place."""
    rng = np.random.default_rng(seed)
    words = ["", "text", "days since 9999-99-99", "furlongs", -999, np.nan, 0, 1e300, np.array([1, 2, 3]), "1", b"\xff"]
    with netCDF4.Dataset(path, "a") as file:
        file.set_auto_maskandscale(False)
        holders = [file, *file.variables.values()]
        holder = holders[rng.integers(0, len(holders))]
        names = [name for name in holder.ncattrs() if name != "_FillValue"]
        kind = rng.integers(0, 6)
        if kind == 0 and names:
            holder.delncattr(names[rng.integers(0, len(names))])
        elif kind == 1 and names:
            name = names[rng.integers(0, len(names))]
            holder.delncattr(name)
            holder.setncattr(name, words[rng.integers(0, len(words))])
        elif kind == 2:
            holder.setncattr(CF[rng.integers(0, len(CF))], words[rng.integers(0, len(words))])
        elif kind == 3 and holder is not file:
            file.renameVariable(holder.name, f"{holder.name}_")
        elif holder is not file and holder.size and holder.dtype.kind in "fi":
            place = tuple(int(rng.integers(0, length)) for length in holder.shape)
            value = rng.choice([-999, 1e20, np.nan, 0, 7999]) if holder.dtype.kind == "f" else -999
            holder[place] = value


def _places(value: Any, at: tuple = ()) -> list[tuple]:
    """The keys that lead to each part of a value."""
    found = [at]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        found += _places(part, (*at, key))
    return found
