"""Local clock times of a logger to UTC: fixed offsets and time zones with daylight saving.

When clocks go back, an hour occurs twice; when they go forward, one is skipped. What to make of either is a setting,
because the file cannot always tell; without a setting such a time is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from loam.errors import ConfigError, TableError
from loam.probes.instants import DAY, as_instants, check_instants

NANOSECOND = "datetime64[ns]"
# Offsets that people mean by an abbreviation, for the message that refuses it.
_ABBREVIATIONS = {
    "AEST": "+10:00", "AEDT": "+11:00", "ACST": "+09:30", "ACDT": "+10:30", "AWST": "+08:00", "NZST": "+12:00",
    "NZDT": "+13:00", "EST": "-05:00 in America, +10:00 in Australia", "EDT": "-04:00 in America, +11:00 in Australia",
    "CST": "-06:00 in America, +09:30 in Australia, +08:00 in China", "CDT": "-05:00 in America", "MST": "-07:00",
    "MDT": "-06:00", "PST": "-08:00", "PDT": "-07:00", "CET": "+01:00", "CEST": "+02:00", "MET": "+01:00",
    "MEZ": "+01:00", "EET": "+02:00", "EEST": "+03:00", "WET": "+00:00", "WEST": "+01:00", "BST": "+01:00",
    "IST": "+05:30 in India, +01:00 in Ireland, +02:00 in Israel", "JST": "+09:00", "HST": "-10:00",
}  # fmt: skip
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", re.ASCII)
_CODES = set("YymdHMSfjbBIpz%")
_SETS = [{"Y", "m", "d"}, {"y", "m", "d"}, {"Y", "j"}, {"y", "j"}]


@dataclass(frozen=True)
class Clock:
    """How a file's times are to be read.

    Args:
        format: strptime codes; with ``%z`` every time brings its own offset.
        zone: of the clock; None if the times have offsets, or are days.
        ambiguous: what an hour that occurs twice is: refuse, earlier, later, order (by the file's order).
        nonexistent: what a skipped hour is: refuse, shift (the clock was not put forward).
    """

    format: str
    zone: tzinfo | None
    ambiguous: str = "refuse"
    nonexistent: str = "refuse"


def parse_zone(text: str, *, where: object) -> tzinfo:
    """A fixed offset ("+10:00", "UTC") or a zone of the IANA data base ("Australia/Hobart")."""
    if text in ("UTC", "Z", "GMT"):
        return UTC
    if match := _OFFSET.fullmatch(text.strip()):
        sign = -1 if match[1] == "-" else 1
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes <= 14 * 60:
            return timezone(sign * timedelta(minutes=minutes))
    if offset := _ABBREVIATIONS.get(text.strip().upper()):  # EST is five hours behind UTC here, ten ahead of it there
        raise ConfigError(
            f"'{text}' is an abbreviation of a time zone, and several places use it", where=where,
            expected='an offset from UTC like "+10:00" in quotes, or a zone like Australia/Hobart',
            fix=f"write the offset: {offset}",
        )  # fmt: skip
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"'{text}' is not a time zone", where=where,
            expected='an offset from UTC like "+10:00" in quotes, or a zone like Australia/Hobart',
        ) from None  # fmt: skip


def check_format(text: str, *, where: object) -> None:
    """Refuse a format that has an unknown code or does not give a whole date."""
    codes = re.findall(r"%(.?)", text, re.DOTALL)
    for code in codes:
        if code not in _CODES:
            raise ConfigError(
                f"'%{code}' is not a code of a time", where=where,
                expected="%Y year, %m month, %d day, %H hour, %M minute, %S second, %y, %j, %b, %B, %I, %p, %f or %z",
            )  # fmt: skip
    if "I" in codes and "p" not in codes:
        raise ConfigError(
            f"%I without %p in format '{text}': an hour of 12 does not tell morning from afternoon", where=where,
            fix="write %H for hours of 0 to 23, or add %p where the file has AM and PM",
        )  # fmt: skip
    if "p" in codes and "I" not in codes:
        raise ConfigError(
            f"%p without %I in format '{text}': AM and PM would be read and not heeded", where=where,
            fix="write %I in place of %H",
        )  # fmt: skip
    given = {{"b": "m", "B": "m"}.get(code, code) for code in codes}
    if not any(needed <= given for needed in _SETS) or len(codes) != len(set(codes)):
        raise ConfigError(
            f"format '{text}' does not give a whole date", where=where, expected='each code once, like "%d/%m/%Y %H:%M"'
        )
    try:
        pd.to_datetime(pd.Series([datetime(2020, 2, 1).strftime(text)]), format=text, errors="coerce")
    except ValueError as error:
        raise ConfigError(f"format '{text}' is not understood ({error})", where=where) from None


def to_utc(
    texts: pd.Series,
    lines: np.ndarray,
    clock: Clock,
    *,
    path: object,
    key: Callable[[int], Hashable],
    state: dict[Hashable, tuple[np.datetime64, bool]],
    now: np.datetime64 | None = None,
) -> np.ndarray:
    """The instants, datetime64[ns] UTC, of a piece of a file in the file's order.

    Args:
        texts: time of each row as the file has it, without spaces around.
        lines: line of each row.
        clock: how to read them.
        path: file, for errors.
        key: series of a row (by its position); the hour that occurs twice is followed for each series apart.
        state: what ``ambiguous: order`` remembers from piece to piece of a file; empty at its start.
        now: latest time that is believed, less a day.

    Raises:
        TableError: the first time that does not parse, lies before 1950 or in the future, or is ambiguous or skipped.
    """
    parsed = _parse(texts, clock)
    _refuse_unparsed(texts, parsed, lines, clock, path)
    if "z" in clock.format.replace("%%", ""):
        utc = parsed
    elif clock.zone is None:
        utc = parsed
        if (bad := utc.astype("datetime64[D]") != utc).any():
            row = int(np.argmax(bad))
            raise TableError(
                f"'{texts.iloc[row]}' is not a day", where=f"{path}, line {lines[row]}",
                fix="values are said to be daily: delete 'daily', or give days without a clock time",
            )  # fmt: skip
    else:
        utc = _localise(parsed, texts, lines, clock, path, key, state)
    fix = "check time.format; a logger whose clock was reset leaves such rows: mend or delete them"
    check_instants(utc, where=path, texts=texts, lines=lines, now=now, fix=fix)
    _refuse_swapped(parsed, texts, lines, clock, path)
    return utc


def local_midnight(day: pd.Timestamp, clock: Clock) -> np.datetime64:
    """The instant in UTC at which ``day`` begins on the logger's clock."""
    if clock.zone is None:
        return np.datetime64(day, "ns")
    local = day.to_pydatetime().replace(tzinfo=clock.zone)
    return np.datetime64(local.astimezone(UTC).replace(tzinfo=None), "ns")


def _parse(texts: pd.Series, clock: Clock) -> np.ndarray:
    offset = "z" in clock.format.replace("%%", "")
    parsed = pd.to_datetime(texts, format=clock.format, errors="coerce", utc=offset or None)
    if offset:
        parsed = parsed.dt.tz_localize(None)
    parsed = parsed.astype("datetime64[us]")
    parsed[texts.str.lower().isin(["now", "today"])] = pd.NaT  # words that pandas takes for times
    return as_instants(parsed)


def _refuse_unparsed(texts: pd.Series, parsed: np.ndarray, lines: np.ndarray, clock: Clock, path: object) -> None:
    bad = np.isnat(parsed)
    if not bad.any():
        return
    row = int(np.argmax(bad))
    text = texts.iloc[row]
    fix = "set time.format to what the file has, or mend the line"
    if not text:
        fix = "mend or delete the line"
    elif swapped := _swap(clock.format):
        again = _parse(texts.iloc[[row]], Clock(swapped, None))
        if not np.isnat(again[0]):
            fix = f'day and month look swapped: set time.format to "{swapped}"'
    raise TableError(
        f"time '{text[:60]}' does not parse", where=f"{path}, line {lines[row]}", expected=f'format "{clock.format}"',
        fix=fix,
    )  # fmt: skip


def _refuse_swapped(parsed: np.ndarray, texts: pd.Series, lines: np.ndarray, clock: Clock, path: object) -> None:
    """Days to the 12th parse either way: a month apart as read and a day apart when swapped, they are swapped.

    Only where a day has several times, since readings taken by hand may well be a month apart.
    """
    swapped = _swap(clock.format)
    days = np.unique(parsed.astype("datetime64[D]"))
    if swapped is None or not 3 <= len(days) <= 12 * 12:
        return
    months = days.astype("datetime64[M]")
    number = (days - months).astype(int)
    apart = np.median(np.diff(days).astype(int))
    if number.max() > 11 or apart < 28 or len(np.unique(parsed)) < 2 * len(days):
        return
    years = days.astype("datetime64[Y]")
    other = (years.astype("datetime64[M]") + number).astype("datetime64[D]") + (months - years).astype(int)
    if np.median(np.diff(np.sort(other)).astype(int)) == 1:
        raise TableError(
            f"read as \"{clock.format}\", '{texts.iloc[0]}' and the days after it are a month apart",
            where=f"{path}, line {lines[0]}", fix=f'day and month look swapped: set time.format to "{swapped}"',
        )  # fmt: skip


def _swap(text: str) -> str | None:
    if "%d" not in text or "%m" not in text:
        return None
    return text.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def _localise(
    local: np.ndarray, texts: pd.Series, lines: np.ndarray, clock: Clock, path: object,
    key: Callable[[int], Hashable], state: dict[Hashable, tuple[np.datetime64, bool]],
) -> np.ndarray:  # fmt: skip
    def instants(times: np.ndarray, summer: bool) -> np.ndarray:
        index = pd.DatetimeIndex(times).tz_localize(
            clock.zone, ambiguous=np.full(len(times), summer), nonexistent="NaT"
        )
        return index.tz_convert("UTC").tz_localize(None).to_numpy(NANOSECOND).copy()

    first, second = instants(local, True), instants(local, False)
    skipped = np.isnat(first)
    if skipped.any():
        if clock.nonexistent == "refuse":
            _refuse(
                skipped, texts, lines, path, "is skipped when clocks go forward",
                "if the logger's clock keeps one time all year, set time.zone to its offset, like \"+10:00\"; "
                "else set time.nonexistent to shift",
            )  # fmt: skip
        before = np.timedelta64(3, "h")  # the clock as it was before the change
        first[skipped] = second[skipped] = instants(local[skipped] - before, True) + before
    doubled = first != second
    if not doubled.any() or clock.ambiguous == "earlier":
        return first
    if clock.ambiguous == "later":
        return second
    if clock.ambiguous == "refuse":
        _refuse(
            doubled, texts, lines, path, "occurs twice when clocks go back",
            "if the logger's clock keeps one time all year, set time.zone to its offset, like \"+10:00\"; "
            "else set time.ambiguous to order, earlier or later",
        )  # fmt: skip
    result = first.copy()
    for row in np.flatnonzero(doubled):
        series, time = key(int(row)), local[row]
        last, passed = state.get(series, (np.datetime64("NaT"), False))
        if np.isnat(last) or time - last > DAY or last - time > DAY:
            passed = False
        elif time <= last:
            passed = True
        state[series] = (time, passed)
        result[row] = second[row] if passed else first[row]
    return result


def _refuse(bad: np.ndarray, texts: pd.Series, lines: np.ndarray, path: object, what: str, fix: str) -> None:
    row = int(np.argmax(bad))
    raise TableError(f"time '{texts.iloc[row]}' {what}", where=f"{path}, line {lines[row]}", fix=fix)
