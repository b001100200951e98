"""Errors a user can act on: what is wrong, where, what was expected, what to do.

Every error that bad input can cause is one of these; anything else that escapes a stage is a defect of the
program and is shown with its traceback.
"""

from __future__ import annotations


class LoamError(Exception):
    """Something the user can mend. ``str()`` is one line: where, what, expected, fix; below it, what to paste.

    Args:
        what: what is wrong, in a few words.
        where: file, row, key, station or pixel it was found at.
        expected: what would have been right.
        fix: what to do about it.
        paste: lines of config that would do.
    """

    def __init__(
        self, what: str, *, where: object = None, expected: str | None = None, fix: str | None = None,
        paste: str | None = None,
    ) -> None:  # fmt: skip
        self.what, self.where, self.expected, self.fix, self.paste = what, where, expected, fix, paste
        text = f"{where}: {what}" if where is not None else what
        if expected:
            text += f"; expected {expected}"
        if fix:
            text += f"; {fix}"
        super().__init__(" ".join(text.split()) + (f"\n\n{paste}\n" if paste else ""))


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
