"""Which mapped days make a month, a season or a year. Read when the workflow is parsed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

SEASONS = {12: "DJF", 1: "DJF", 2: "DJF", 3: "MAM", 4: "MAM", 5: "MAM", 6: "JJA", 7: "JJA", 8: "JJA",
           9: "SON", 10: "SON", 11: "SON"}  # fmt: skip
LEAST_RECORD = 10  # other days that a day is compared with


def period_of(day: str, kind: str) -> str:
    """The name of a day's month (2022-08), season (2022-JJA; that of December is the next year's) or year."""
    at = date.fromisoformat(day)
    if kind == "month":
        return f"{at:%Y-%m}"
    if kind == "season":
        return f"{at.year + (at.month == 12)}-{SEASONS[at.month]}"
    return f"{at:%Y}"


def periods_of(days: Iterable[str], kinds: Sequence[str]) -> dict[str, list[str]]:
    """Days by period, of each kind, in order."""
    periods: dict[str, list[str]] = {}
    for kind in kinds:
        for day in sorted(days):
            periods.setdefault(period_of(day, kind), []).append(day)
    return periods


def record_of(day: str, days: Iterable[str], window_days: int) -> list[str]:
    """The mapped days of any year within ``window_days`` of a day's time of the year, that day among them."""
    at = date.fromisoformat(day)
    found = []
    for other in sorted(days):
        then = date.fromisoformat(other)
        years = (then.year - 1, then.year, then.year + 1)
        apart = min(abs(then - _same_day(at, year)) for year in years)
        if apart <= timedelta(days=window_days):
            found.append(other)
    return found


def _same_day(at: date, year: int) -> date:
    """29 February is the 28th of a year that has none."""
    try:
        return at.replace(year=year)
    except ValueError:
        return at.replace(year=year, day=28)
