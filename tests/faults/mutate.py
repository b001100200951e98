"""Damage to files, drawn from a seed: the same seed, the same damage."""

from __future__ import annotations

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
