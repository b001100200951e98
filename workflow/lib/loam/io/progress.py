"""How far a long job is, in plain lines: each goes to the job's log, and one now and then to the terminal.

What is logged with ``extra=PROGRESS`` passes ``Paced``, the filter of the handler that writes to the terminal
(``loam.io.stage``), at most once in ``SECONDS`` for all that a job counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar

from loam.io.remaining import duration

Item = TypeVar("Item")

log = logging.getLogger("loam")

PROGRESS = {"progress": True}  # what marks a line of the log as one for the terminal, too
SHARE = 0.1  # a line when so much more is done,
SECONDS = 20.0  # or when so long has gone by


class Progress:
    """Counts steps of ``total`` from any thread; a context manager. ``progress`` makes it."""

    def __init__(self, total: int | None, what: str, clock: Callable[[], float]) -> None:
        self.total, self.what, self.done = total, what, 0
        self._clock, self._lock = clock, Lock()
        self._began = self._said_at = clock()
        self._said = self._kept = 0

    def keep(self, n: int) -> None:
        """``n`` are done from before, which says nothing about how long the others take."""
        self.done = self._said = self._kept = self.done + n

    def step(self, n: int = 1) -> None:
        """``n`` more are done."""
        with self._lock:
            self.done += n
            if n and self._is_due():
                self._say()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.done != self._said:
            self._say()

    def _is_due(self) -> bool:
        if self._clock() - self._said_at >= SECONDS:
            return True
        return self.total is not None and self.done - self._said >= SHARE * self.total

    def _say(self) -> None:
        self._said, self._said_at = self.done, self._clock()
        if self.total:
            share, new = 100 * self.done / self.total, self.done - self._kept
            left = (self._said_at - self._began) * (self.total - self.done) / new if new else 0.0
            time_left = f", about {duration(left)} left" if left >= 1 else ""
            log.info("%s: %d of %d (%.0f %%)%s", self.what, self.done, self.total, share, time_left, extra=PROGRESS)
        else:
            log.info("%s: %d", self.what, self.done, extra=PROGRESS)


def progress(total: int | None, what: str, *, clock: Callable[[], float] = time.monotonic) -> Progress:
    """A count of ``total`` steps, for a ``with``; its ``step`` is called for each.

    A line in the log for every 10 % or 20 s, whichever comes first, and never more often than the steps; with the time
    left where the total is known.

    Args:
        total: how many steps there are; None if it is not known.
        what: what is counted.
        clock: seconds that only grow.
    """
    return Progress(total, what, clock)


def counted(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """``items``, counted as the loop over them goes on; ``total`` is how many there are, where ``len`` does not say."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress(total, what) as count:
        for item in items:
            yield item
            count.step()


class Paced(logging.Filter):
    """Passes warnings, and a line of progress when ``SECONDS`` have gone by since the last, or since the beginning.

    Args:
        shown: whether lines of progress are shown at all.
        clock: seconds that only grow.
    """

    def __init__(self, *, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._shown, self._clock, self._said_at = shown, clock, clock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` goes to the terminal."""
        if record.levelno >= logging.WARNING:
            return True
        if not self._shown or not getattr(record, "progress", False) or self._clock() - self._said_at < SECONDS:
            return False
        self._said_at = self._clock()
        return True
