"""Requests to the Climate Data Store: submitted, waited for within a time, taken up again, fetched and checked.

The client (cdsapi, on ecmwf-datastores-client) would wait without end, sleep two minutes after each fault and save what
comes; here it submits and asks for states, and the rest is ours.
"""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from loam.acquire.canonical.check import check_magic
from loam.acquire.http.content import HEAD, ZIP
from loam.acquire.http.credentials import CdsLogin
from loam.acquire.http.download import download
from loam.acquire.http.redact import redact_text
from loam.acquire.http.retry import Failed, Policy, failed_of_reply, retry, status_of
from loam.errors import AcquireError, CredentialError
from loam.io.atomic import write_text

log = logging.getLogger("loam")

LONGEST_WAIT = 120.0  # s between two looks at the queue
_LATEST = re.compile(r"latest date available[^:]*:\s*(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}):(\d{2}))?", re.IGNORECASE)
_NONE_YET = re.compile(r"not available yet|none of the data", re.IGNORECASE)


class NotPublishedError(Exception):
    """Nothing that a request asks for is published yet; ``until`` is the last whole day that is, where it is told."""

    def __init__(self, message: str, until: date | None) -> None:
        super().__init__(message)
        self.until = until


class Jobs:
    """The store's queue.

    Args:
        login: address and key.
        keys: of the catalogue: ``dataset`` and ``url`` of the terms.
        policy: how long to insist on each request to the server.
        queue_s: how long to wait for a job, s.
        sleep: waits so many seconds.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        login: CdsLogin,
        keys: Mapping[str, Any],
        policy: Policy,
        queue_s: float,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        if ":" in login.key.reveal():
            raise CredentialError(
                "the key is one of the old Climate Data Store (it holds a colon)", where="CDSAPI_KEY or ~/.cdsapirc",
                fix=f"copy the new key from the profile page of {login.url.removesuffix('/api')}",
            )  # fmt: skip
        self.keys, self.policy, self.queue_s, self.sleep, self.clock = keys, policy, queue_s, sleep, clock
        self.what = f"Climate Data Store, {keys['dataset']}"
        self._client = self._asked(lambda: _client(login, policy))

    def submit(self, request: Mapping[str, Any], note: Path) -> tuple[Any, Path]:
        """The job of a request: the one whose number ``note`` holds, if the store still knows it, or a new one."""
        if note.is_file():
            try:
                number = json.loads(note.read_text(encoding="utf-8"))["job"]
                job = self._asked(lambda: self._client.client.get_remote(number))
                if self._asked(lambda: job.status) in ("accepted", "running", "successful"):
                    log.info("%s: request %s is taken up again", self.what, number)
                    return job, note
            except CredentialError:
                raise
            except (AcquireError, ValueError, KeyError) as error:
                log.info("%s: an earlier request is not taken up again (%s)", self.what, error)
        job = self._asked(lambda: self._client.retrieve(self.keys["dataset"], dict(request)))
        write_text(json.dumps({"job": job.request_id}), note)
        log.info("%s: request %s is queued", self.what, job.request_id)
        return job, note

    def fetch(self, job: tuple[Any, Path], path: Path) -> None:
        """Wait for a job and fetch its result to ``path``.

        Raises:
            NotPublishedError: the store has nothing of it yet.
            AcquireError: the job failed or is still queued when the time is over; what it sent is no netCDF or ZIP.
        """
        remote, note = job
        started, wait = self.clock(), 2.0
        while not self._is_ready(remote, note):
            if self.clock() - started + wait > self.queue_s:
                raise AcquireError(
                    f"request {remote.request_id} is still queued after {self.queue_s / 3600:g} h", where=self.what,
                    fix="run again later: it keeps its place in the queue and is taken up again",
                )  # fmt: skip
            self.sleep(wait)
            wait = min(1.5 * wait, LONGEST_WAIT)
        try:
            results = self._asked(remote.get_results)
            location, size = results.location, results.content_length
        except (KeyError, ValueError) as error:
            raise AcquireError(f"no result of request {remote.request_id} ({error})", where=self.what) from None

        def check(part: Path) -> None:
            if part.stat().st_size != size:
                raise AcquireError(f"has {part.stat().st_size} bytes", where=part, expected=f"{size}")
            with part.open("rb") as file:
                kind = "zip" if file.read(HEAD).startswith(ZIP) else "netcdf"
            check_magic(part, kind, whole=True)

        try:
            download(location, path, check=check, policy=self.policy, what=f"{self.what}, request {remote.request_id}")
        except AcquireError as error:
            if status_of(error) in (403, 404, 410):
                note.unlink(missing_ok=True)  # the result has gone: the next run asks anew
            raise
        note.unlink(missing_ok=True)

    def _is_ready(self, remote: Any, note: Path) -> bool:
        from ecmwf.datastores.processing import ProcessingFailedError

        try:
            return self._asked(lambda: remote.results_ready)
        except ProcessingFailedError as error:
            text = str(error)
        except AcquireError as error:
            if status_of(error) != 400 and "failed" not in str(error):
                raise
            text = str(error)
        note.unlink(missing_ok=True)
        told = redact_text(" ".join(text.split()))
        if _NONE_YET.search(told):
            raise NotPublishedError(told[:300], _last_whole_day(told))
        raise AcquireError(f"request {remote.request_id} failed: {told[:300]}", where=self.what, fix="run again")

    def _asked(self, call: Callable[[], Any]) -> Any:
        """One answer of the store, asked for with retries."""

        def once() -> Any:
            try:
                return call()
            except requests.HTTPError as error:
                if error.response is None:
                    raise
                raise _failed(error.response) from None
            except requests.exceptions.JSONDecodeError:
                raise Failed("the reply is not JSON") from None

        try:
            return retry(once, self.policy, what=self.what, sleep=self.sleep, clock=self.clock)
        except CredentialError as error:
            fix = "copy your key anew from your profile page at the Climate Data Store to CDSAPI_KEY or ~/.cdsapirc"
            if status_of(error) == 403:
                fix = f"log in and accept the licence at {self.keys['url']}, then run again"
            raise CredentialError(error.what, where=self.what, fix=fix) from error.__cause__


def _client(login: CdsLogin, policy: Policy) -> Any:
    import cdsapi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it could not read the store's notices: no matter
        return cdsapi.Client(
            url=login.url, key=login.key.reveal(), quiet=True, progress=False, wait_until_complete=False, delete=False,
            timeout=policy.timeout_s, retry_max=1, sleep_max=0, info_callback=log.debug, debug_callback=_silent,
            warning_callback=log.info, error_callback=log.info,
        )  # fmt: skip


def _silent(*_: Any) -> None:
    """Debug messages of the client hold whole requests and replies."""


def _failed(response: requests.Response) -> Failed:
    """An error reply; of a failed job the traceback is where the reason stands."""
    failed = failed_of_reply(response)
    try:
        said = response.json()
    except ValueError:
        return failed
    parts = [str(said[key]) for key in ("title", "traceback", "detail") if isinstance(said, dict) and said.get(key)]
    if not parts:
        return failed
    text = redact_text(" ".join(" ".join(dict.fromkeys(parts)).split()))
    return Failed(f"HTTP {failed.status} ({text[:400]})", status=failed.status, retry_after_s=failed.retry_after_s)


def _last_whole_day(text: str) -> date | None:
    """The last day that is whole, from the latest hour that the store names: the rain of a day ends at the next 00."""
    found = _LATEST.search(text)
    if not found:
        return None
    return datetime.strptime(found[1], "%Y-%m-%d").date() - timedelta(days=1)
