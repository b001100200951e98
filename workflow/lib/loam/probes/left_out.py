"""One bad file among many: it is named in a warning and left out. Where nothing else can be read, it is the error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pandas as pd

from loam.errors import TableError

log = logging.getLogger("loam")

File = TypeVar("File")


def leave_out(error: TableError, refused: list[TableError]) -> None:
    """Warn of a file that is left out, and remember why."""
    log.warning("left out: %s", error)
    refused.append(error)


def read_each(
    files: Iterable[File], read: Callable[[File], Iterable[pd.DataFrame]], refused: list[TableError]
) -> Iterator[pd.DataFrame]:
    """The frames of all files; one that ``read`` refuses is left out, from the place on that is wrong.

    Args:
        files: what ``read`` takes.
        read: gives the frames of a file.
        refused: errors of the files that were left out before; others are added.

    Raises:
        TableError: the first of ``refused``, if no file is read to its end.
    """
    whole = False
    for file in files:
        begun = False
        try:
            for frame in read(file):
                begun = True
                yield frame
            whole = True
        except TableError as error:
            if begun:
                log.warning("what follows in this file is left out, what stands before it is kept")
            leave_out(error, refused)
    if refused and not whole:
        raise refused[0]
