"""The connection to Earth Engine: signed in without a person, one project, asked again by our own rules.

The client of Google keeps one state for the whole process, so there is one connection a process. Its own repetition is
off (``setMaxRetries(0)``): it ignores Retry-After and a wall clock; ``loam.acquire.http.retry`` does not.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import ee
import google.auth
import google.auth.exceptions
from google.oauth2 import service_account

from loam.acquire.access import Access
from loam.acquire.earthengine.failures import meaning
from loam.acquire.earthengine.transport import Transport
from loam.acquire.http import credentials as kept_credentials
from loam.acquire.http.retry import Failed, Policy, retry
from loam.config.sections.acquire import EarthEngine
from loam.errors import AcquireError, CredentialError

log = logging.getLogger("loam")

logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)  # what is refused is told once, by ``failures``

Result = TypeVar("Result")

URL = "LOAM_EARTHENGINE_URL"  # environment variable: another server, for tests
SCOPES = ("https://www.googleapis.com/auth/earthengine", "https://www.googleapis.com/auth/cloud-platform")
POLICY = Policy(timeout_s=330.0)  # Earth Engine computes for up to 300 s before it answers
REQUESTS = 8  # at once in a job; a project may have 40 in all
PAGE = 1000  # features or images a page
PAGES = 10_000  # more is a server that does not end


@dataclass(frozen=True)
class Client:
    """An open connection. All that it asks is repeated by ``policy`` and fails as a LoamError.

    Args:
        project: the Google Cloud project that is charged.
        policy: how long to insist; ``timeout_s`` is the deadline of a request.
        transport: counts requests and bytes.
        requests: at most so many at once.
        sleep: waits so many seconds between attempts.
    """

    project: str
    policy: Policy
    transport: Transport
    requests: int = REQUESTS
    sleep: Callable[[float], None] = time.sleep
    _gate: threading.Semaphore = field(default_factory=threading.Semaphore, repr=False)

    def pixels(
        self, image: ee.Image, bands: list[str], grid: Mapping[str, Any], check: Callable[[bytes], Result], what: str
    ) -> Result:
        """What ``check`` makes of the pixels of ``image`` (bytes of a NumPy file) on ``grid``.

        Args:
            image: the expression.
            bands: its bands, in the order wanted.
            grid: ``dimensions``, ``affineTransform`` and ``crsCode`` or ``crsWkt``.
            check: raises ``Failed`` for a body that is worth asking for again.
            what: what it is, for log and errors.
        """
        asked = {"expression": image, "fileFormat": "NPY", "grid": grid, "bandIds": bands}
        return self._ask(lambda: check(ee.data.computePixels(asked)), what)

    def features(self, collection: ee.FeatureCollection, what: str) -> list[dict[str, Any]]:
        """The properties of all features of ``collection``, in its order, page by page."""
        found: list[dict[str, Any]] = []
        for page in self._pages(
            lambda token: ee.data.computeFeatures({"expression": collection, "pageSize": PAGE, **token}),
            "features",
            what,
        ):
            found += [feature.get("properties") or {} for feature in page]
        return found

    def images(self, params: Mapping[str, Any], what: str, *, most: int | None = None) -> list[dict[str, Any]]:
        """The images of a collection as ``ee.data.listImages`` describes them, page by page.

        Args:
            params: ``parent`` and filters.
            what: what it is, for log and errors.
            most: stop at so many.
        """
        found: list[dict[str, Any]] = []
        size = {"pageSize": min(PAGE, most or PAGE)}
        for page in self._pages(lambda token: ee.data.listImages({**params, **size, **token}), "images", what):
            found += page
            if most is not None and len(found) >= most:
                return found[:most]
        return found

    def asset(self, name: str, what: str) -> dict[str, Any]:
        """An asset as ``ee.data.getAsset`` describes it."""

        def once() -> dict[str, Any]:
            reply = ee.data.getAsset(name)
            if not isinstance(reply, dict):
                raise Failed(f"the server sent {str(reply)[:60]!r} where an asset was expected")
            return reply

        return self._ask(once, what)

    def _pages(self, call: Callable[[dict[str, str]], Any], key: str, what: str) -> Iterator[list[dict[str, Any]]]:
        token: dict[str, str] = {}
        for _ in range(PAGES):
            page = self._ask(lambda token=token: _page(call(token), key), what)
            yield page.get(key) or []
            following = page.get("nextPageToken")
            if not following:
                return
            if following == token.get("pageToken"):
                raise AcquireError("the server gives the same page again and again", where=what)
            token = {"pageToken": following}
        raise AcquireError(f"the server's list does not end after {PAGES} pages", where=what)

    def _ask(self, call: Callable[[], Result], what: str) -> Result:
        def once() -> Result:
            with self._gate:
                return _translated(call, what)

        return retry(once, self.policy, what=what, sleep=self.sleep)


class Connected:
    """What asks Earth Engine with ``access``; the connection is opened when first needed, once for all threads."""

    access: Access
    _client: Client | None
    _lock: threading.Lock

    @property
    def client(self) -> Client:
        """The connection."""
        with self._lock:
            if self._client is None:
                self._client = connect(self.access.earthengine)
            return self._client


def connect(
    chosen: EarthEngine,
    *,
    url: str | None = None,
    credentials: Any | None = None,
    policy: Policy = POLICY,
    sleep: Callable[[float], None] = time.sleep,
) -> Client:
    """Sign in and load what Earth Engine can do.

    Args:
        chosen: the config's section ``acquire.earthengine``.
        url: the server; if not given, what the environment variable LOAM_EARTHENGINE_URL says, or Google's.
        credentials: of google-auth; if not given, what ``loam.acquire.http.credentials`` finds.
        policy: how long to insist.
        sleep: waits so many seconds between attempts.

    Raises:
        CredentialError: no project, no credentials, or they are refused.
        AcquireError: the server cannot be reached.
    """
    if not chosen.project:
        raise CredentialError(
            "no Google Cloud project for Earth Engine", where="config key 'acquire.earthengine.project'",
            fix="register one at https://console.cloud.google.com/earth-engine and write its id there",
        )  # fmt: skip
    url = url or os.environ.get(URL) or (ee.data.HIGH_VOLUME_API_BASE_URL if chosen.high_volume else None)
    credentials = credentials if credentials is not None else _google_credentials()
    transport, what = Transport(policy.timeout_s), "Earth Engine, signing in"
    requests = chosen.requests

    def once() -> None:
        ee.Reset()
        ee.data.setMaxRetries(0)
        with _default_timeout(policy.timeout_s), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Unable to initialize deprecated assets")
            ee.Initialize(credentials, url=url, project=chosen.project, http_transport=transport)

    retry(lambda: _translated(once, what), policy, what=what, sleep=sleep)
    log.info("Earth Engine, project %s, %s, at most %d requests at once", chosen.project, url or "Google", requests)
    return Client(chosen.project, policy, transport, requests, sleep, threading.Semaphore(requests))


def clients() -> dict[str, str]:
    """Names and versions of the libraries that talk to Earth Engine."""
    return {"earthengine-api": ee.__version__}


def _translated(call: Callable[[], Result], what: str) -> Result:
    try:
        return call()
    except Exception as error:
        told = meaning(error, what)
        if told is None:
            raise
        raise told from error


def _page(reply: Any, key: str) -> dict[str, Any]:
    if not isinstance(reply, dict) or not isinstance(reply.get(key, []), list):
        text = reply if isinstance(reply, str) else json.dumps(reply, default=str)
        raise Failed(f"the server sent {text[:60]!r} where a list of {key} was expected")
    return reply


def _google_credentials() -> Any:
    """Credentials of google-auth from what ``loam.acquire.http.credentials`` finds."""
    login = kept_credentials.earthengine()
    where = login.file or "application default credentials"
    try:
        if login.kind == "service_account":
            return service_account.Credentials.from_service_account_file(str(login.file), scopes=SCOPES)
        if login.kind == "application_default":
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*quota project.*")
                return google.auth.default(scopes=SCOPES)[0]
        return ee.data.get_persistent_credentials()
    except (google.auth.exceptions.GoogleAuthError, ee.EEException, ValueError) as error:
        raise CredentialError(
            f"the Earth Engine credentials cannot be used ({type(error).__name__})", where=where,
            fix="make them anew: a JSON key of a service account, or `earthengine authenticate`",
        ) from None  # fmt: skip


@contextmanager
def _default_timeout(seconds: float) -> Iterator[None]:
    """A timeout for the client's list of deprecated assets, which it opens without one."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
