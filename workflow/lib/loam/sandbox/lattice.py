"""Random fields that are a function of place alone, so that a block of a map needs nothing of the blocks beside it.

Value noise (Lewis, 1989, SIGGRAPH 23, 263-270): every node of a lattice has a random number, made by hashing its row,
its column and a key (Steele et al., 2014, SplitMix64); between nodes the numbers are blended smoothly and divided by
the blend's standard deviation, so that mean 0 and variance 1 hold everywhere. Finer lattices of smaller amplitude add
detail.
"""

from __future__ import annotations

import zlib

import numba
import numpy as np

_DETAIL = 0.55  # amplitude of each finer lattice, relative to the one before


def key_of(seed: int, purpose: str) -> int:
    """A 63-bit key for one purpose: the same for the same seed, whatever else is drawn."""
    mixed = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(1, np.uint64)[0]
    return int(mixed >> np.uint64(1))


def random_numbers(seed: int, *purpose: str | int) -> np.random.Generator:
    """Random numbers for one purpose: the same for the same seed, whatever else is drawn."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    return np.random.default_rng([seed, *words])


def lattice_field(key: int, rows: np.ndarray, cols: np.ndarray, length: float, finer: int = 0) -> np.ndarray:
    """A random field of mean 0 and variance 1 at pixels.

    Args:
        key: of the field (``key_of``).
        rows, cols: pixels, integers of any one shape.
        length: pixels between nodes of the coarsest lattice.
        finer: how many finer lattices, each of half the length, add detail.

    Returns:
        float64 of the shape of ``rows``.
    """
    flat = np.empty(rows.size)
    _blend(
        key, np.ascontiguousarray(rows, np.int64).ravel(), np.ascontiguousarray(cols, np.int64).ravel(), length, finer,
        flat,
    )  # fmt: skip
    return flat.reshape(rows.shape)


def lattice_uniform(key: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """A random number in [0, 1) at each node ``rows``, ``cols`` (integers of any one shape)."""
    flat = np.empty(rows.size)
    _uniforms(key, np.ascontiguousarray(rows, np.int64).ravel(), np.ascontiguousarray(cols, np.int64).ravel(), flat)
    return flat.reshape(rows.shape)


@numba.njit(cache=True)
def _mixed(value: int) -> int:  # pragma: no cover
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True)
def _bits(key: int, row: int, col: int) -> int:  # pragma: no cover
    return _mixed(_mixed(_mixed(np.uint64(key)) ^ np.uint64(row)) + np.uint64(col) * np.uint64(0x9E3779B97F4A7C15))


@numba.njit(cache=True)
def _normal(key: int, row: int, col: int) -> float:  # pragma: no cover
    """Close to a normal number: the sum of four uniform ones of 16 bits."""
    bits = _bits(key, row, col)
    total = 0.0
    for part in range(4):
        total += float((bits >> np.uint64(16 * part)) & np.uint64(0xFFFF))
    return (total / 65535.0 - 2.0) * np.sqrt(3.0)


@numba.njit(cache=True)
def _uniforms(key: int, rows: np.ndarray, cols: np.ndarray, out: np.ndarray) -> None:  # pragma: no cover
    for place in range(len(out)):
        out[place] = float(_bits(key, rows[place], cols[place]) >> np.uint64(11)) / 9007199254740992.0


@numba.njit(cache=True)
def _blend(
    key: int, rows: np.ndarray, cols: np.ndarray, length: float, finer: int, out: np.ndarray
) -> None:  # pragma: no cover
    whole = 0.0
    for level in range(finer + 1):
        whole += _DETAIL ** (2 * level)
    for place in range(len(out)):
        total, size, weight = 0.0, length, 1.0
        for level in range(finer + 1):
            y = (rows[place] + 0.5) / size + 0.37 * level
            x = (cols[place] + 0.5) / size + 0.61 * level
            row, col = np.floor(y), np.floor(x)
            down, across = y - row, x - col
            down, across = down * down * (3 - 2 * down), across * across * (3 - 2 * across)
            i, j, own = int(row), int(col), key + level
            value = (1 - down) * (1 - across) * _normal(own, i, j) + (1 - down) * across * _normal(own, i, j + 1)
            value += down * (1 - across) * _normal(own, i + 1, j) + down * across * _normal(own, i + 1, j + 1)
            spread = ((1 - down) ** 2 + down**2) * ((1 - across) ** 2 + across**2)
            total += weight * value / np.sqrt(spread)
            size, weight = size / 2, weight * _DETAIL
        out[place] = total / np.sqrt(whole)
