"""Zips with something wrong, made of sound ones."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path


def encrypt(path: Path, member: str) -> Path:
    """Mark a member as encrypted, as a zip with a password does, in its own header and in the directory."""
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        local = archive.getinfo(member).header_offset
    name = member.encode()
    raw[local + 6] |= 1
    place = 0
    while (place := raw.index(b"PK\x01\x02", place)) >= 0:
        (length,) = struct.unpack_from("<H", raw, place + 28)
        if raw[place + 46 : place + 46 + length] == name:
            raw[place + 8] |= 1
            break
        place += 4
    path.write_bytes(raw)
    return path
