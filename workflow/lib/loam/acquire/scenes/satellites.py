"""Facts of the Sentinel-1 satellites: relative orbits, and the orbit files that are made of each.

Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

REVOLUTIONS = 175  # of a cycle of 12 days
# The offset of the relative orbit, (absolute orbit - offset) mod 175 + 1, by the absolute orbit from which on it holds.
# Sentinel-1C was moved in June 2026 (as in sentineleof 0.13).
OFFSETS = {
    "S1A": {0: 73},
    "S1B": {0: 27},
    "S1C": {0: 172, 8019: 99},
    "S1D": {0: 42},
}
ORBIT_FILES = {"precise": "AUX_POEORB", "restituted": "AUX_RESORB"}  # best first (GMES-GSEG-EOPG-FS-10-0075)
# What the config's `sentinel1.orbit` takes, in this order.
PREFER = {"precise": ["precise"], "restituted": ["restituted"], "best": list(ORBIT_FILES)}


def relative_orbit(mission: str, absolute_orbit: int) -> int:
    """The relative orbit, 1 to 175, of an absolute one of a satellite (``S1A`` to ``S1D``)."""
    offset = [offset for first, offset in OFFSETS[mission].items() if first <= absolute_orbit][-1]
    return (absolute_orbit - offset) % REVOLUTIONS + 1
