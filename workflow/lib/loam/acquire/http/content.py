"""What a body is, by its first bytes, said so that a person knows what the server did instead of what was asked."""

from __future__ import annotations

import json
import re
from typing import Any

from loam.acquire.http.redact import redact, redact_text
from loam.errors import AcquireError

HEAD = 4096  # bytes that tell what a file is

TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
HDF5 = (b"\x89HDF\r\n\x1a\n",)
NETCDF = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
NPY = (b"\x93NUMPY",)

_NAMES = {
    "a TIFF image": TIFF,
    "an HDF5 file": HDF5,
    "a classic netCDF file": NETCDF,
    "a ZIP archive": ZIP,
    "a NumPy array": NPY,
    "gzip-compressed data": (b"\x1f\x8b",),
    "a PDF document": (b"%PDF",),
    "a JPEG 2000 image": (b"\x00\x00\x00\x0cjP  ",),
    "a GRIB message": (b"GRIB",),
    "a PNG image": (b"\x89PNG",),
}
_LOGIN = re.compile(rb"log[ -]?in|sign[ -]?in|password|oauth|authenticat", re.IGNORECASE)

_SAID = re.compile(r"<(?:\w+:)?(?:Message|ServiceException|ExceptionText|Code)(?:\s[^>]*)?>\s*([^<]+?)\s*</")


def is_html(head: bytes) -> bool:
    """Whether ``head`` begins an HTML page."""
    text = _text(head)[:600].lower()
    return text.startswith((b"<!doctype html", b"<html")) or (text.startswith((b"<?xml", b"<!--")) and b"<html" in text)


def is_xml(head: bytes) -> bool:
    """Whether ``head`` begins an XML document (an XHTML page is one too)."""
    return re.match(rb"<\?xml|<[A-Za-z_][\w.-]*(:[\w.-]+)?[\s/>]", _text(head)) is not None


def is_login_page(head: bytes) -> bool:
    """Whether ``head`` begins an HTML page that asks to log in."""
    return is_html(head) and _LOGIN.search(head) is not None


def describe(head: bytes) -> str:
    """``an HTML page titled "Earthdata Login"``, ``a ZIP archive``, ``nothing``: what ``head`` begins."""
    if not head:
        return "nothing (0 bytes)"
    for name, magic in _NAMES.items():
        if head.startswith(magic):
            return name
    text = _text(head).decode("utf-8", "replace")
    if is_html(head):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return f'an HTML page titled "{_line(title.group(1), 80)}"' if title else "an HTML page"
    if is_xml(head):
        root = re.search(r"<([A-Za-z_][\w.:-]*)", text)
        said = _SAID.search(text)
        return f"an XML document <{root.group(1)}>" + (f' that says "{_line(said.group(1), 120)}"' if said else "")
    if text[:1] in ("{", "["):
        return f"JSON text that begins {_line(text, 120)}"
    if sum(character.isprintable() or character.isspace() for character in text[:200]) > 0.95 * len(text[:200]):
        return f'text that begins "{_line(text, 80)}"'
    return f"data that begin with the bytes {head[:8].hex(' ')}"


def _text(head: bytes) -> bytes:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def _line(text: str, length: int) -> str:
    return redact_text(" ".join(text.split())[:length])


def json_object(body: bytes, url: str, expected: str) -> dict[str, Any]:
    """A reply that must be a JSON object.

    Args:
        body: of the reply.
        url: it came from, for the error.
        expected: what it should have been, for the error.

    Raises:
        AcquireError: it is something else.
    """
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise AcquireError(f"the server sent {describe(body[:4096])}", where=redact(url), expected=expected)
    return value
