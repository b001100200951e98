"""Rasters on a web server, read by window through GDAL's /vsicurl/, with our own retries.

GDAL asks for byte ranges and swallows what the server said when one fails. So GDAL's own retries are off; after a
failure the server is asked once for the first bytes of the file, which tells the status, Retry-After and what stands
there instead of a raster, and ``loam.acquire.http.retry`` decides. A raster whose reading failed is opened anew: GDAL
keeps neither its header nor its blocks. Credentials reach GDAL as a config option that lives as long as the reading,
never as a part of an address.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

import rasterio
import requests
from rasterio.errors import RasterioError

from loam.acquire.http.content import HEAD, TIFF, describe, is_html, is_login_page
from loam.acquire.http.credentials import Login
from loam.acquire.http.redact import redact, redact_text
from loam.acquire.http.retry import Failed, Policy, failed_of, retry
from loam.acquire.http.session import get, new_session
from loam.acquire.source import Source
from loam.errors import AcquireError, CredentialError, RasterError

log = logging.getLogger("loam")

Result = TypeVar("Result")

KEPT = 8  # rasters held open between readings
SLOWEST = 100  # bytes a second under which a reply stands still
PREFIX = "/vsicurl/"
_STATUS = re.compile(r"HTTP response code(?: on \S+)?: (\d{3})")
_STILL = re.compile(r"CURL error: (Operation too slow|Operation timed out|Connection timed out)")


class RemoteRasters:
    """Rasters of one provider.

    Args:
        login: sent to the host of the address alone; None where the data are open.
        policy: how long to insist.
        fix: what to do when the credentials are refused.
    """

    def __init__(self, *, login: Login | None = None, policy: Policy | None = None, fix: str | None = None) -> None:
        self.login, self.policy, self.fix = login, policy or Policy(), fix
        self._open: dict[str, rasterio.DatasetReader] = {}
        self._absent: set[str] = set()

    def read(
        self,
        urls: Sequence[str],
        action: Callable[[list[rasterio.DatasetReader]], Result],
        *,
        may_lack: bool = False,
    ) -> Result:
        """What ``action`` makes of the open rasters, which stay open for the next reading.

        Args:
            urls: addresses, in order.
            action: reads what it needs; called again, on rasters opened anew, where the server or connection failed.
            may_lack: whether an address that the server does not have (404) is left out; else it is an error.

        Raises:
            CredentialError: 401 or 403, or a login page with status 200.
            AcquireError: the server did not give them, or gave something else.
        """
        names = [redact(url) for url in urls]
        what = names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")

        def once() -> Result:
            with rasterio.Env(**self._options()):
                datasets = []
                for url in urls:
                    try:
                        dataset = self._opened(url, may_lack)
                    except Failed as failed:
                        raise _naming(failed, url, len(urls)) from None
                    datasets += [] if dataset is None else [dataset]
                try:
                    return action(datasets)
                except RasterioError as error:
                    raise self._why(urls, error) from None
                except RasterError as error:
                    where = str(error.where).removeprefix(PREFIX)
                    raise AcquireError(error.what, where=redact(where), expected=error.expected) from None
                finally:
                    for url in list(self._open)[:-KEPT]:
                        self._forget(url)

        return retry(once, self.policy, what=what, fix=self.fix)

    def lacks(self, url: str) -> bool:
        """Whether the server was found not to have the address."""
        return url in self._absent

    def close(self) -> None:
        """Close what is held open."""
        for url in list(self._open):
            self._forget(url)

    def _opened(self, url: str, may_lack: bool) -> rasterio.DatasetReader | None:
        if url in self._absent:
            return None
        if url not in self._open:
            try:
                self._open[url] = rasterio.open(PREFIX + url)
            except RasterioError as error:
                failed = self._why([url], error)
                if failed.status == 404 and may_lack:
                    self._absent.add(url)
                    return None
                raise failed from None
        self._open[url] = self._open.pop(url)  # the latest used comes last
        return self._open[url]

    def _forget(self, url: str) -> None:
        if dataset := self._open.pop(url, None):
            dataset.close()

    def _options(self) -> dict[str, Any]:
        still = max(1, round(self.policy.timeout_s))
        options = {
            "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
            "GDAL_HTTP_MAX_RETRY": 0,
            "GDAL_HTTP_CONNECTTIMEOUT": still,
            "GDAL_HTTP_LOW_SPEED_TIME": still,
            "GDAL_HTTP_LOW_SPEED_LIMIT": SLOWEST,
            "GDAL_HTTP_TIMEOUT": max(still, round(self.policy.wall_clock_s)),
            "GDAL_HTTP_NETRC": "NO",
            "CPL_VSIL_CURL_NON_CACHED": PREFIX,
        }
        if self.login:
            options["GDAL_HTTP_AUTH"] = "BASIC"
            options["GDAL_HTTP_USERPWD"] = f"{self.login.user}:{self.login.password.reveal()}"
        return options

    def _why(self, urls: Sequence[str], error: RasterioError) -> Failed:
        """The failed attempt behind GDAL's error; the rasters are opened anew in the next one.

        Raises:
            CredentialError, AcquireError: something else than a raster stands there.
        """
        for url in urls:
            self._forget(url)
        texts = _texts(error)
        status = next((int(found[1]) for text in texts if (found := _STATUS.search(text))), None)
        if status == 404:
            return Failed("HTTP 404", status=404)
        if any(_STILL.search(text) for text in texts):
            return Failed("the reply stood still")
        for url in urls:
            if url not in self._absent and (failed := self._asked(url)) is not None:
                return failed
        if status is not None:
            return Failed(f"HTTP {status}", status=status)
        text = redact_text(texts[-1].replace(PREFIX, ""))
        return Failed(f"the reading broke off ({' '.join(text.split())[:160]})")

    def _asked(self, url: str) -> Failed | None:
        """Why the server does not give the file; None if it gives its beginning."""
        auth = (self.login.user, self.login.password.reveal()) if self.login else None
        headers = {"Range": f"bytes=0-{HEAD - 1}", "Accept-Encoding": "identity"}
        with new_session() as session, ExitStack() as stack:
            try:
                response = get(session, url, headers=headers, auth=auth, timeout_s=self.policy.timeout_s)
                stack.callback(response.close)
                head = response.raw.read(HEAD) or b""
            except Exception as error:
                if (failed := failed_of(error)) is None:
                    raise
                return failed
        if is_login_page(head):
            raise CredentialError(
                f"the server sent a login page, {describe(head)}", where=redact(url), expected="a raster",
                fix=self.fix or "renew the credentials",
            )  # fmt: skip
        if not head.startswith(TIFF) and (is_html(head) or b"<VRTDataset" not in head):
            raise AcquireError(f"the server sent {describe(head)}", where=redact(url), expected="a GeoTIFF")
        if response.status_code != 206:
            return Failed("the server does not give parts of files", retryable=False)
        return None


class RasterSource(Source):
    """A source of rasters on a web server."""

    back_end = "direct"
    policy = Policy()

    def clients(self) -> dict[str, str]:
        """Names and versions of the libraries that talk to the server, for the provenance."""
        return {**versions(), "requests": requests.__version__}


def versions() -> Mapping[str, str]:
    """The libraries that read rasters."""
    return {"rasterio": rasterio.__version__, "gdal": rasterio.__gdal_version__}


def _naming(failed: Failed, url: str, count: int) -> Failed:
    """A failed attempt at one of ``count`` addresses, with its name where there are others."""
    text = str(failed) if count == 1 else f"{redact(url)}: {failed}"
    return Failed(text, status=failed.status, retry_after_s=failed.retry_after_s, retryable=failed.retryable)


def _texts(error: BaseException) -> list[str]:
    """The messages of an error and of those it stems from."""
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(texts) < 10:
        texts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    return texts
