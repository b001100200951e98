"""Errors a user can act on: what is wrong, where, what was expected, what to do.

Every error that bad input can cause is one of these; anything else that escapes a stage is a defect of the
program and is shown with its traceback.
"""

from __future__ import annotations


class LoamError(Exception):
    """Something the user can mend. ``str()`` is one line: where, what, expected, fix.

    Args:
        what: what is wrong, in a few words.
        where: file, row, key, station or pixel it was found at.
        expected: what would have been right.
        fix: what to do about it.
    """

    def __init__(self, what: str, *, where: object = None, expected: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.expected, self.fix = what, where, expected, fix
        text = f"{where}: {what}" if where is not None else what
        if expected:
            text += f"; expected {expected}"
        if fix:
            text += f"; {fix}"
        super().__init__(" ".join(text.split()))


class ConfigError(LoamError):
    """A key or value of the configuration is wrong."""


class TableError(LoamError):
    """A table (CSV, Parquet) does not hold what it should."""


class RasterError(LoamError):
    """A raster or gridded file does not hold what it should."""


class LeakageError(LoamError):
    """A held-out station had a part in training what is evaluated on it."""


class AcquireError(LoamError):
    """A server did not give what was asked for."""


class CredentialError(AcquireError):
    """Credentials, a project, a quota or accepted terms are missing."""
