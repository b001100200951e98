"""A file at a server, read in byte ranges: what a reader looks at is fetched, and nothing else (RFC 9110, 14).

A global HDF5 granule of 150 MB gives up a region's cells for one or two. Blocks are kept in memory as they come; each
is asked for with retries, and must be of the same file as the first (ETag and size).
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Mapping

import requests

from loam.acquire.http.retry import Failed, Policy, retry
from loam.acquire.http.session import Auth, get
from loam.errors import AcquireError

BLOCK = 1 << 18  # bytes
KEPT = 256  # blocks in memory


class NoRangesError(Exception):
    """The server does not take byte ranges of this file; it must be fetched whole."""


class RemoteFile(io.RawIOBase):
    """The file at ``url``, for reading.

    Args:
        url: the address.
        session: keeps connections.
        headers: sent along; those that hold secrets to the address's own host only.
        redirect_auth: as of ``loam.acquire.http.session.get``.
        policy: how long to insist, for each range.
        what: what it is, for log and errors.
        fix: what to do when the credentials are refused.
        size: how large it must be, bytes, where that is known.

    Raises:
        NoRangesError: the server answers a range with the whole file.
        AcquireError, CredentialError: as of ``loam.acquire.http.retry.retry``; also from each reading.
    """

    def __init__(
        self,
        url: str,
        *,
        session: requests.Session,
        policy: Policy,
        what: str,
        headers: Mapping[str, str] | None = None,
        redirect_auth: Mapping[str, Auth] | None = None,
        fix: str | None = None,
        size: int | None = None,
    ) -> None:
        super().__init__()
        self._url, self._session, self._policy, self._what, self._fix = url, session, policy, what, fix
        self._headers, self._redirect_auth = dict(headers or {}), redirect_auth
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._place, self._tag = 0, None
        self.size: int | None = None
        self.fetched = 0  # bytes received
        self.error: Exception | None = None  # what a reader may have swallowed
        self._fetch(0, BLOCK)
        if size is not None and size != self.size:
            raise AcquireError(f"has {self.size} bytes", where=what, expected=f"{size} bytes, as the catalogue says")

    @property
    def head(self) -> bytes:
        """The first bytes."""
        return self._block(0)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; as of files."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = start + offset
        return self._place

    def readinto(self, buffer: memoryview) -> int:
        """Fill ``buffer`` from here; how many bytes there were."""
        count = max(0, min(len(buffer), self.size - self._place))
        if not count:
            return 0
        first, last = self._place // BLOCK, (self._place + count - 1) // BLOCK
        try:
            if count > KEPT * BLOCK // 2:
                buffer[:count] = self._fetch(self._place, count)
            else:
                self._fetch_missing(first, last)
                data = b"".join(self._block(number) for number in range(first, last + 1))
                begin = self._place - first * BLOCK
                buffer[:count] = data[begin : begin + count]
        except Exception as error:
            self.error = error
            raise
        self._place += count
        return count

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._fetch(number * BLOCK, BLOCK)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch_missing(self, first: int, last: int) -> None:
        """Fetch the blocks from ``first`` to ``last`` that lack, neighbours in one request."""
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        while missing:
            run = 1
            while run < len(missing) and missing[run] == missing[0] + run:
                run += 1
            self._fetch(missing[0] * BLOCK, run * BLOCK)
            missing = missing[run:]

    def _fetch(self, begin: int, count: int) -> bytes:
        """The bytes from ``begin``; whole blocks of them are kept."""
        data = retry(lambda: self._once(begin, count), self._policy, what=self._what, fix=self._fix)
        self.fetched += len(data)
        if begin % BLOCK == 0:
            for start in range(0, len(data), BLOCK):
                self._blocks[(begin + start) // BLOCK] = data[start : start + BLOCK]
            while len(self._blocks) > KEPT:
                self._blocks.popitem(last=False)
        return data

    def _once(self, begin: int, count: int) -> bytes:
        end = begin + count if self.size is None else min(begin + count, self.size)
        sent = {**self._headers, "Range": f"bytes={begin}-{end - 1}", "Accept-Encoding": "identity"}
        with get(
            self._session, self._url, headers=sent, redirect_auth=self._redirect_auth, timeout_s=self._policy.timeout_s
        ) as response:
            if response.status_code == 200:
                raise NoRangesError
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", "").strip())
            if response.status_code != 206 or not found or int(found[1]) != begin:
                raise Failed(f"HTTP {response.status_code} without the range that was asked for")
            size, tag = int(found[3]), response.headers.get("ETag")
            if self.size is not None and (size, tag) != (self.size, self._tag):
                raise Failed("the file changed while it was read", retryable=False)
            data = response.content
        if len(data) != min(end, size) - begin:
            raise Failed(f"the body ended after {len(data)} of {min(end, size) - begin} bytes")
        self.size, self._tag = size, tag
        return data
