"""Days as a config names them: one by one, as a range, as a range with a step. Standard library only.

``2022-06-01``, ``2022-06-01..2022-08-31``, ``2022-06-01..2022-08-31 every 7 days``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from loam.errors import ConfigError

WRITTEN = "YYYY-MM-DD, YYYY-MM-DD..YYYY-MM-DD, or YYYY-MM-DD..YYYY-MM-DD every N days"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+?)(?:\s+every\s+(\d+)\s+days?)?\s*")


def days_named(entries: Iterable[object]) -> list[str]:
    """The days (YYYY-MM-DD) that ``entries`` name, in their order, each once.

    Args:
        entries: days and ranges; both ends of a range belong to it, and a step counts from its first day.

    Raises:
        ConfigError: an entry is no day and no range, names a day that does not exist, runs backwards or has no step.
    """
    days: dict[str, None] = {}
    for entry in entries:
        found = RANGE.fullmatch(str(entry))
        if not found:
            days[_day(str(entry).strip()).isoformat()] = None
            continue
        first, last = _day(found[1]), _day(found[2])
        step = int(found[3] or 1)
        if first > last or step < 1:
            problem = "runs backwards" if first > last else "has a step of no days"
            raise ConfigError(f"'{entry}' {problem}", expected=WRITTEN)
        for number in range(0, (last - first).days + 1, step):
            days[(first + timedelta(days=number)).isoformat()] = None
    return list(days)


def _day(text: str) -> date:
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ConfigError(f"'{text}' is not a day", expected=WRITTEN)
