"""Quality flags of a reading, kept as bits of one integer so that a reading can carry several.

Nothing is dropped here: a flag says what was found, the configuration says which flags keep a reading out of the daily
means. docs/reference/probe-flags.md gives the rule, the source and the default action of each.
"""

from __future__ import annotations

import enum


class Flag(enum.IntFlag):
    """What was found at a reading, a daily mean or a layer's value; stored in the int64 column ``qc``."""

    OUT_OF_RANGE = enum.auto()
    ABOVE_POROSITY = enum.auto()
    FROZEN = enum.auto()
    SPIKE = enum.auto()
    BREAK_DROP = enum.auto()
    BREAK_JUMP = enum.auto()
    LOW_PLATEAU = enum.auto()
    SATURATED_PLATEAU = enum.auto()
    STUCK = enum.auto()
    DRIFT = enum.auto()
    REPEATS_DEPTH = enum.auto()
    REPEATS_STATION = enum.auto()
    NO_RESPONSE = enum.auto()
    PROVIDER = enum.auto()
    TOO_FEW_READINGS = enum.auto()
    NOT_SPLINED = enum.auto()
    EXTRAPOLATED = enum.auto()
