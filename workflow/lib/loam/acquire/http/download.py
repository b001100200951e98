"""Fetch one file, whole and checked, or not at all.

A body is streamed to ``<name>.part`` beside its target, counted against the length that the server announced, checked,
synced and renamed. What was received before an interruption is kept only where it can be continued: the server takes
byte ranges and named a validator (ETag or Last-Modified), which goes back in If-Range, so that a file that changed
meanwhile begins anew (RFC 9110, 13.1.5 and 14). The validator is kept in ``<name>.part.json``.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from loam.acquire.http.content import HEAD, describe, is_html, is_login_page, is_xml
from loam.acquire.http.redact import redact
from loam.acquire.http.retry import Failed, Policy, failed_of_reply, retry
from loam.acquire.http.session import Auth, get, new_session
from loam.errors import AcquireError, CredentialError, LoamError
from loam.io.atomic import write_text
from loam.io.provenance import hash_of_values, sha256_of_file
from loam.io.storage import explained

__all__ = ["Fetched", "download", "redact"]

log = logging.getLogger("loam")

CHUNK = 1 << 18  # bytes read at once, at most
HTML_SUFFIXES = {".html", ".htm"}
XML_SUFFIXES = {".xml", ".eof", ".safe", ".kml", ".gml", ".vrt"} | HTML_SUFFIXES
KEPT_HEADERS = ("content-type", "etag", "last-modified", "content-length", "x-amz-version-id")


@dataclass(frozen=True)
class Fetched:
    """What a download was.

    Args:
        url: the address, without query and credentials.
        bytes: size of the file.
        sha256: of the file.
        started: when the first request was sent, UTC.
        finished: when the file was complete, UTC.
        headers: what the server said of the file: type, ETag, Last-Modified.
    """

    url: str
    bytes: int
    sha256: str
    started: datetime
    finished: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


def download(
    url: str,
    path: str | Path,
    *,
    check: Callable[[Path], None],
    session: requests.Session | None = None,
    headers: Mapping[str, str] | None = None,
    auth: Auth | None = None,
    params: Mapping[str, Any] | None = None,
    redirect_auth: Mapping[str, Auth] | None = None,
    sha256: str | None = None,
    policy: Policy | None = None,
    progress: Callable[[int], None] | None = None,
    what: str | None = None,
    fix: str | None = None,
) -> Fetched:
    """Fetch ``url`` to ``path``.

    Args:
        url: the address.
        path: where the file goes; its suffix says whether HTML or XML may come.
        check: raises a LoamError if the file it is given is not what was asked for.
        session: keeps connections and cookies between downloads; a new one if not given.
        headers: sent along; those that hold secrets to the address's own host only.
        auth: as of requests; to the address's own host only.
        params: the query.
        redirect_auth: host name -> auth, of hosts that a redirect may lead to (a provider's login).
        sha256: the checksum that the file must have, where it is pinned.
        policy: how long to insist.
        progress: told of the bytes as they come.
        what: what it is, for log and errors; the redacted address if not given.
        fix: what to do when the credentials are refused.

    Raises:
        CredentialError: the credentials are refused, or a login page came in the file's place.
        AcquireError: the server did not give the file, or gave another.
    """
    path, policy, own = Path(path), policy or Policy(), session is None
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(path, hash_of_values([url, dict(params or {})]))
    session = session or new_session()
    started, end = datetime.now(UTC), time.monotonic() + policy.wall_clock_s
    what = what or redact(url)

    def once() -> Mapping[str, str]:
        sent = {**(headers or {}), "Accept-Encoding": "identity", **part.range_headers()}
        try:
            response = get(
                session, url, headers=sent, auth=auth, params=params, redirect_auth=redirect_auth,
                timeout_s=policy.timeout_s,
            )  # fmt: skip
        except Failed as failed:
            if failed.status == 416 and "Range" in sent:
                part.discard()
                raise Failed("the file changed since its part was received") from failed
            raise
        with response:
            part.begin(response)
            part.receive(response, what=what, end=end, progress=progress, fix=fix)
        part.check(check, sha256, what)
        return {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}

    try:
        with explained(path, part.file):
            kept = retry(once, policy, what=what, fix=fix)
            size, digest = part.file.stat().st_size, sha256_of_file(part.file)
            part.finish()
    except OSError as error:
        raise AcquireError(f"cannot be written ({error.strerror})", where=path, fix="run again") from error
    finally:
        part.leave()
        if own:
            session.close()
    return Fetched(redact(url), size, digest, started, datetime.now(UTC), kept)


class _Part:
    """The file while it is being received, and what is needed to continue it."""

    def __init__(self, path: Path, request: str) -> None:
        self.path, self.request = path, request
        self.file, self.note = path.with_name(path.name + ".part"), path.with_name(path.name + ".part.json")
        self.total: int | None = None
        self.resumed = False

    def range_headers(self) -> dict[str, str]:
        """What asks for the rest, where a part is there that can be continued."""
        known = self._known()
        size = self.file.stat().st_size if known else 0
        if not known or not 0 < size < known["total"]:
            self.discard()
            return {}
        return {"Range": f"bytes={size}-", "If-Range": known["validator"]}

    def begin(self, response: requests.Response) -> None:
        """Take the reply's length and validator; begin anew where the server does."""
        asked = response.request.headers.get("Range")
        self.resumed = response.status_code == 206 and asked is not None
        if self.resumed:
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", "").strip())
            known = self._known()
            if not found or not known or f"bytes={found[1]}-" != asked or int(found[3]) != known["total"]:
                self.discard()
                raise Failed("the server continued with another part than was asked for")
            self.total = known["total"]
            return
        if response.status_code == 202:  # the server is still preparing it
            raise failed_of_reply(response, retryable=True)
        if response.status_code != 200:
            raise failed_of_reply(response, retryable=False)
        self.discard()
        length = response.headers.get("Content-Length", "")
        self.total = int(length) if length.isdigit() and not _encoded(response) else None
        if (validator := _validator(response)) and self.total:
            note = {"request": self.request, "validator": validator, "total": self.total}
            write_text(json.dumps(note), self.note)

    def receive(
        self,
        response: requests.Response,
        *,
        what: str,
        end: float,
        progress: Callable[[int], None] | None,
        fix: str | None,
    ) -> None:
        """Append the body; ``Failed`` if it ends early or the time is over."""
        before = self.file.stat().st_size if self.resumed else 0
        if self.resumed:
            log.info("%s: continued after %d of %d bytes", what, before, self.total)
        with self.file.open("ab" if self.resumed else "wb") as file:
            block = _head(response) if not before else response.raw.read1(CHUNK, decode_content=True)
            if not before:
                self._refuse_page(block, what, fix)
            while block:
                _write_block(file, block)
                if progress is not None:
                    progress(len(block))
                if time.monotonic() > end:
                    raise Failed("the time for it is over before the body was", retryable=False)
                block = response.raw.read1(CHUNK, decode_content=True)
            file.flush()
            os.fsync(file.fileno())
        size = self.file.stat().st_size
        announced = response.headers.get("Content-Length", "")
        if _encoded(response) and announced.isdigit() and response.raw.tell() < int(announced):
            raise Failed(f"the body ended after {response.raw.tell()} of {announced} bytes")
        if self.total is not None and size != self.total:
            if size > self.total:
                self.discard()
            raise Failed(f"the body ended after {size} of {self.total} bytes")
        if not size:
            raise Failed("the body is empty")

    def check(self, check: Callable[[Path], None], sha256: str | None, what: str) -> None:
        """Check the received file; one that fails is removed. A continued one that fails is worth another attempt."""
        try:
            if sha256 is not None and (found := sha256_of_file(self.file)) != sha256.lower():
                raise AcquireError(
                    f"SHA-256 is {found}", where=self.file, expected=sha256,
                    fix="the file at the provider has changed: compare it, then pin its new checksum",
                )  # fmt: skip
            check(self.file)
        except LoamError as error:
            if self.resumed:
                self.discard()
                raise Failed(f"the continued file is not valid ({error.what})") from error
            where = self.path if str(error.where) == str(self.file) else error.where
            raise type(error)(error.what, where=f"{what} -> {where}", expected=error.expected, fix=error.fix) from None
        except (OSError, ValueError, KeyError) as error:
            size = self.file.stat().st_size
            raise AcquireError(
                f"the file received ({size} bytes) cannot be read ({error})", where=f"{what} -> {self.path}"
            ) from error

    def finish(self) -> None:
        """The part becomes the file; ``leave`` removes its note."""
        self.file.replace(self.path)

    def leave(self) -> None:
        """Remove the part unless it can be continued."""
        known = self._known()
        if not known or not 0 < self.file.stat().st_size < known["total"]:
            self.discard()

    def discard(self) -> None:
        """Remove the part and its note."""
        self.file.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _known(self) -> dict[str, Any] | None:
        """The note of a part of this very request, if both are there."""
        if not (self.file.is_file() and self.note.is_file()):
            return None
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
        except ValueError:
            return None
        return note if note.get("request") == self.request else None

    def _refuse_page(self, head: bytes, what: str, fix: str | None) -> None:
        """HTML or XML where the suffix says otherwise is the server's way to say no with status 200."""
        suffix = self.path.suffix.lower()
        if is_html(head) and suffix not in HTML_SUFFIXES:
            if is_login_page(head):
                raise CredentialError(
                    f"the server sent a login page, {describe(head)}", where=what, expected=f"{self.path.name}",
                    fix=fix or "renew the credentials, and approve the application on the provider's site",
                )  # fmt: skip
            raise AcquireError(f"the server sent {describe(head)}", where=what, expected=self.path.name)
        if is_xml(head) and not is_html(head) and suffix not in XML_SUFFIXES:
            raise AcquireError(f"the server sent {describe(head)}", where=what, expected=self.path.name)


def _validator(response: requests.Response) -> str | None:
    """A strong ETag, or Last-Modified, of a server that takes ranges of this body."""
    if response.headers.get("Accept-Ranges", "").strip().lower() != "bytes" or _encoded(response):
        return None
    etag = response.headers.get("ETag", "").strip()
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _encoded(response: requests.Response) -> bool:
    return response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")


def _head(response: requests.Response) -> bytes:
    """The first bytes of the body, enough to see what it is."""
    head = b""
    while len(head) < HEAD and (block := response.raw.read1(CHUNK, decode_content=True)):
        head += block
    return head


def _write_block(file: Any, block: bytes) -> None:
    file.write(block)
