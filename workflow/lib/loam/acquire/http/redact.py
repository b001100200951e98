"""Addresses without what must not be seen: no user, no password, no query, in any log, error or provenance.

Signed addresses, keys given as parameters and users before an @ are all secrets; the scheme, host and path never are.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")
_QUERY = re.compile(r"(?<=\S)\?[^\s'\"<>)]+")
_BEARER = re.compile(r"\b(Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{16,}", re.IGNORECASE)


def redact(url: str) -> str:
    """``url`` without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an address that cannot be read)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def redact_text(text: str) -> str:
    """``text`` with every address in it redacted, and queries and authorization values cut out."""
    text = _URL.sub(lambda found: redact(found.group()), text)
    return _BEARER.sub(r"\1 ***", _QUERY.sub("", text))
