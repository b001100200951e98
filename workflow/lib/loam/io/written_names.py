"""Names as people and systems write them, in one form."""

from __future__ import annotations

import unicodedata


def one_form(name: str) -> str:
    """``name`` in Unicode's composed form (NFC): an é of one sign and one of two are the same letter."""
    return unicodedata.normalize("NFC", name)
