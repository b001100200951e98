"""Readings of many files brought into order: by station and time, each instant of a sensor once.

Files come unsorted, overlap and interleave stations, and may be larger than memory. Readings are kept by station and
month in memory up to a bound and in a temporary file beyond it; a month of a station is then sorted and freed of
duplicates at once. Equal times are always in the same month, so this finds all of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from loam.errors import TableError

BUFFER_BYTES = 96 * 2**20
FRAME_ROWS = 250_000
NO_FLAG = 0


@dataclass(frozen=True)
class Series:
    """What does not change along a sensor's readings."""

    sensor: str
    variable: str
    depth: tuple[float, float]
    unit: str


@dataclass
class _Chunk:
    """Readings of some series at the same times, from one file: [row] times, lines; [series][row] values, flags."""

    file: int
    series: list[int]
    time: np.ndarray
    line: np.ndarray
    values: list[np.ndarray]
    flags: list[np.ndarray | None]

    def nbytes(self) -> int:
        flags = sum(flag.nbytes for flag in self.flags if flag is not None)
        return self.time.nbytes + self.line.nbytes + sum(values.nbytes for values in self.values) + flags + 400


@dataclass(frozen=True)
class _Stored:
    """A chunk in the temporary file: where it begins, how many rows, which flags there are."""

    file: int
    series: list[int]
    offset: int
    rows: int
    flagged: list[bool]


class Spool:
    """Takes readings in any order, gives them back station by station.

    Args:
        duplicates: what several values of a sensor at one time become: refuse, first, last (in the order of the files
            and lines) or mean. Equal ones are always kept once, and a value goes before a missing one.
    """

    def __init__(self, duplicates: str) -> None:
        self.duplicates = duplicates
        self.repeated: dict[str, int] = {}
        self._months: dict[str, dict[int, list[_Chunk | _Stored]]] = {}
        self._series: dict[Series, int] = {}
        self._flags: dict[str, int] = {"": NO_FLAG}
        self._files: list[Path] = []
        self._held = 0
        self._disk: IO[bytes] | None = None

    def series(self, series: Series) -> int:
        """The number of a series, the same whenever it is asked for."""
        return self._series.setdefault(series, len(self._series))

    def flag(self, text: str) -> int:
        """The number of a flag."""
        return self._flags.setdefault(text, len(self._flags))

    def file(self, path: Path) -> int:
        """A number for the file that is read next."""
        self._files.append(path)
        return len(self._files) - 1

    def add(
        self, station: str, file: int, time: np.ndarray, line: np.ndarray,
        columns: Sequence[tuple[int, np.ndarray, np.ndarray | None]],
    ) -> None:  # fmt: skip
        """Keep readings of one station.

        Args:
            station: its name.
            file: number of the file.
            time: [row] datetime64[ns], UTC.
            line: [row] line in the file.
            columns: series, [row] values, [row] flags (or None), one item a series.
        """
        if not len(time) or not columns:
            return
        month = time.astype("datetime64[M]").astype(np.int64)
        if (np.diff(month) < 0).any():
            order = np.argsort(month, kind="stable")
            month, time, line = month[order], time[order], line[order]
            columns = [(s, values[order], None if flags is None else flags[order]) for s, values, flags in columns]
        edges = np.flatnonzero(np.diff(month)) + 1
        months = self._months.setdefault(station, {})
        for start, stop in zip([0, *edges], [*edges, len(month)], strict=True):
            rows = slice(int(start), int(stop))
            chunk = _Chunk(
                file, [number for number, _, _ in columns], time[rows], line[rows],
                [values[rows] for _, values, _ in columns],
                [None if flags is None else flags[rows] for _, _, flags in columns],
            )  # fmt: skip
            months.setdefault(int(month[rows.start]), []).append(chunk)
            self._held += chunk.nbytes()
        if self._held > BUFFER_BYTES:
            self._spill()

    def stations(self) -> list[str]:
        """Stations that have readings, in the order of their names."""
        return sorted(self._months)

    def frames(self, station: str) -> Iterator[pd.DataFrame]:
        """The station's readings, schema READINGS, month after month, then forget them.

        Raises:
            TableError: a sensor has two values at one time, unless ``duplicates`` says what to do.
        """
        months = self._months.pop(station, {})
        ready: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []
        rows = 0
        for month in sorted(months):
            for item in self._month(station, months.pop(month)):
                ready.append(item)
                rows += len(item[1])
            if rows >= FRAME_ROWS:
                yield from self._frame(station, ready)
                ready, rows = [], 0
        if ready:
            yield from self._frame(station, ready)

    def close(self) -> None:
        """Remove the temporary file."""
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    def _month(
        self, station: str, stored: list[_Chunk | _Stored]
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        chunks = [self._load(item) if isinstance(item, _Stored) else item for item in stored]
        places: dict[int, list[tuple[_Chunk, int]]] = {}
        for chunk in chunks:
            for place, number in enumerate(chunk.series):
                places.setdefault(number, []).append((chunk, place))
        for number, parts in places.items():
            time = np.concatenate([chunk.time for chunk, _ in parts])
            value = np.concatenate([chunk.values[place] for chunk, place in parts])
            flag = np.concatenate(
                [np.full(len(chunk.time), NO_FLAG, np.int32) if chunk.flags[place] is None else chunk.flags[place]
                 for chunk, place in parts]
            )  # fmt: skip
            step = np.diff(time)
            if (step <= np.timedelta64(0)).any():
                order = np.argsort(time, kind="stable")
                time, value, flag = time[order], value[order], flag[order]
                if (np.diff(time) == np.timedelta64(0)).any():
                    line = np.concatenate([chunk.line for chunk, _ in parts])[order]
                    file = np.concatenate([np.full(len(chunk.time), chunk.file) for chunk, _ in parts])[order]
                    time, value, flag = self._once(station, number, time, value, flag, file, line)
            yield number, time, value, flag

    def _once(
        self, station: str, number: int, time: np.ndarray, value: np.ndarray, flag: np.ndarray, file: np.ndarray,
        line: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """One reading for each time. Rows of a time stand together, in the order of files and lines."""
        frame = pd.DataFrame({"time": time, "value": value, "flag": flag, "file": file, "line": line})
        there = frame["value"].notna()
        known = frame[there | ~frame["time"].isin(frame.loc[there, "time"])]  # a value goes before a missing one
        groups = known.groupby("time", sort=False)["value"]
        clash = groups.transform("max") != groups.transform("min")
        clash &= known["value"].notna()
        if clash.any() and self.duplicates == "refuse":
            rows = known[known["time"] == known.loc[clash, "time"].iloc[0]]
            first = rows.iloc[0]
            sensor = list(self._series)[number].sensor
            second = rows[rows["value"] != first["value"]].iloc[0]
            raise TableError(
                f"{second['value']:g} of sensor '{sensor}' of station '{station}' at a time that "
                f"has {first['value']:g} in {self._files[int(first['file'])]}, line {int(first['line'])}",
                where=f"{self._files[int(second['file'])]}, line {int(second['line'])}",
                expected="one value a time",
                fix="delete one, or set duplicates to first, last or mean; if clocks went back in this hour, set "
                "time.zone and time.ambiguous; if two probes share a station's name, give them two names",
            )  # fmt: skip
        keep = known.drop_duplicates("time", keep="last" if self.duplicates == "last" else "first")
        values = keep["value"].to_numpy()
        if self.duplicates == "mean":
            values = groups.transform("mean")[keep.index].to_numpy()
        self.repeated[station] = self.repeated.get(station, 0) + len(frame) - len(keep)
        return keep["time"].to_numpy(), values, keep["flag"].to_numpy()

    def _frame(
        self, station: str, ready: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]
    ) -> Iterator[pd.DataFrame]:
        time, value, flag = (np.concatenate([item[place] for item in ready]) for place in (1, 2, 3))
        number = np.repeat([item[0] for item in ready], [len(item[1]) for item in ready])
        series = list(self._series)
        used, code = np.unique(number, return_inverse=True)

        def column(texts: list[str], codes: np.ndarray) -> pd.Series:
            return pd.Series(pd.array(texts, dtype="str").take(codes))

        for start in range(0, len(time), FRAME_ROWS):
            rows = slice(start, start + FRAME_ROWS)
            codes = code[rows]
            yield pd.DataFrame(
                {
                    "station": column([station], np.zeros(len(codes), dtype=int)),
                    "sensor": column([series[n].sensor for n in used], codes),
                    "variable": column([series[n].variable for n in used], codes),
                    "depth_from_cm": np.array([series[n].depth[0] for n in used])[codes],
                    "depth_to_cm": np.array([series[n].depth[1] for n in used])[codes],
                    "time": time[rows],
                    "value": value[rows],
                    "unit": column([series[n].unit for n in used], codes),
                    "flag": column(list(self._flags), flag[rows]),
                }
            )

    def _spill(self) -> None:
        if self._disk is None:
            self._disk = tempfile.TemporaryFile(prefix="loam_probes_")  # noqa: SIM115 (closed by close)
        self._disk.seek(0, 2)
        for months in self._months.values():
            for chunks in months.values():
                for place, chunk in enumerate(chunks):
                    if isinstance(chunk, _Chunk):
                        chunks[place] = self._store(self._disk, chunk)
        self._held = 0

    @staticmethod
    def _store(disk: IO[bytes], chunk: _Chunk) -> _Stored:
        offset = disk.tell()
        try:
            for array in (chunk.time, chunk.line, *chunk.values, *(flag for flag in chunk.flags if flag is not None)):
                disk.write(np.ascontiguousarray(array).tobytes())
        except OSError as error:
            raise TableError(
                f"readings larger than memory are kept in {tempfile.gettempdir()}, which failed ({error.strerror})",
                fix="set TMPDIR to a folder with room for twice the files",
            ) from None  # fmt: skip
        flagged = [flag is not None for flag in chunk.flags]
        return _Stored(chunk.file, chunk.series, offset, len(chunk.time), flagged)

    def _load(self, stored: _Stored) -> _Chunk:
        assert self._disk is not None
        self._disk.seek(stored.offset)

        def read(dtype: str) -> np.ndarray:
            return np.frombuffer(self._disk.read(stored.rows * np.dtype(dtype).itemsize), dtype)

        time, line = read("datetime64[ns]"), read("int64")
        values = [read("float64") for _ in stored.series]
        flags = [read("int32") if flagged else None for flagged in stored.flagged]
        return _Chunk(stored.file, stored.series, time, line, values, flags)
