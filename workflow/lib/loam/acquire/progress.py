"""How far a download is: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

log = logging.getLogger("loam")

SHARE = 0.1  # a line when so much more is done,
SECONDS = 30.0  # or when so long has gone by


class Progress:
    """Counts steps of ``total``; a context manager. ``progress`` makes it."""

    def __init__(self, total: int | None, what: str, stream: TextIO, clock: Callable[[], float]) -> None:
        self.total, self.what, self.done = total, what, 0
        self._clock, self._said, self._said_at = clock, 0, clock()
        self._bar = tqdm(total=total, desc=what, file=stream, leave=False) if stream.isatty() else None

    def step(self, n: int = 1) -> None:
        """``n`` more are done."""
        self.done += n
        if self._bar is not None:
            self._bar.update(n)
        elif n and self._is_due():
            self._say()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self.done != self._said:
            self._say()

    def _is_due(self) -> bool:
        if self._clock() - self._said_at >= SECONDS:
            return True
        return self.total is not None and self.done - self._said >= SHARE * self.total

    def _say(self) -> None:
        self._said, self._said_at = self.done, self._clock()
        if self.total:
            log.info("%s: %d of %d (%.0f %%)", self.what, self.done, self.total, 100 * self.done / self.total)
        else:
            log.info("%s: %d", self.what, self.done)


def progress(
    total: int | None, what: str, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Progress:
    """A count of ``total`` steps, for a ``with``; its ``step`` is called for each.

    On a terminal a bar; elsewhere a line in the log for every 10 % or 30 s, whichever comes first, and never more often
    than the steps.

    Args:
        total: how many steps there are; None if it is not known.
        what: what is counted.
        stream: where a bar goes; standard error if not given.
        clock: seconds that only grow.
    """
    return Progress(total, what, sys.stderr if stream is None else stream, clock)
