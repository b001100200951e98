"""Days as a config names them: one by one, as a range, as a range with a step. Standard library only.

``2022-06-01``, ``2022-06-01..2022-08-31``, ``2022-06-01..2022-08-31 every 7 days``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from loam.config.refusal import RefusalError

WRITTEN = "2022-06-01, 2022-06-01..2022-08-31, or 2022-06-01..2022-08-31 every 7 days"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+?)(?:\s+every\s+(\d+)\s+days?)?\s*")


def iso_day(text: str, *, expected: str = "year-month-day, like 2016-02-05") -> str:
    """``text`` where it is a day, year-month-day.

    Raises:
        RefusalError: it is none; it says how the day that was meant is written.
    """
    if DAY.fullmatch(text) and _day(*text.split("-")):
        return text
    meant = sorted(_meant(text.strip()))
    raise RefusalError(
        f"'{text}' is not a day" + (" that exists" if DAY.fullmatch(text) else ""), expected=expected,
        fix=f"write {' or '.join(meant)}" if meant else None,
    )  # fmt: skip


def days_named(entries: Iterable[object]) -> list[str]:
    """The days (YYYY-MM-DD) that ``entries`` name, in their order, each once.

    Args:
        entries: days and ranges; both ends of a range belong to it, and a step counts from its first day.

    Raises:
        RefusalError: an entry is no day and no range, names a day that does not exist, runs backwards or has no step.
    """
    days: dict[str, None] = {}
    for entry in entries:
        found = RANGE.fullmatch(str(entry))
        if not found:
            days[iso_day(str(entry).strip(), expected=WRITTEN)] = None
            continue
        first, last = (date.fromisoformat(iso_day(text, expected=WRITTEN)) for text in found.groups()[:2])
        step = int(found[3] or 1)
        if first > last or step < 1:
            problem = "runs backwards" if first > last else "has a step of no days"
            raise RefusalError(f"'{entry}' {problem}", expected=WRITTEN)
        for number in range(0, (last - first).days + 1, step):
            days[(first + timedelta(days=number)).isoformat()] = None
    return list(days)


def _meant(text: str) -> set[str]:
    """The days that a day written otherwise can mean: 15/08/2022, 2022/8/15, 20220815."""
    numbers = re.findall(r"\d+", text)
    if re.fullmatch(r"\d{8}", text):
        numbers = [text[:4], text[4:6], text[6:]]
    if len(numbers) != 3 or re.search(r"[^\d./ -]", text):
        return set()
    first, middle, last = numbers
    orders = [(first, middle, last)] if len(first) == 4 else [(last, middle, first), (last, first, middle)]
    return {day for order in orders if len(order[0]) == 4 and (day := _day(*order))}


def _day(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
