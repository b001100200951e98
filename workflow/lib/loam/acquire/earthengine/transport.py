"""How requests to Earth Engine travel: with a deadline, with its quota in the log, and never a web page for a result.

The client takes a transport of ours (``ee.Initialize(http_transport=...)``). The one it brings waits for ever unless
``ee.data.setDeadline`` is called, which needs a client that has already talked to the server, and it shows the quota to
nobody. This one holds a deadline from the first request on, for the wait as for the body.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

import httplib2
import requests

from loam.acquire.http.content import HEAD, describe, is_html
from loam.acquire.http.retry import Failed
from loam.acquire.http.session import new_session

log = logging.getLogger("loam")

QUOTA = ("x-earth-engine-quota-status", "x-earth-engine-init-message")
CONNECT_S = 30.0
CHUNK = 1 << 18  # bytes read at once


class Transport:
    """Requests with the interface of ``httplib2.Http``, one session a thread.

    Args:
        deadline_s: how long a reply may let itself be waited for, and how long its body may take, s.
    """

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.requests = self.bytes = 0
        self.quota: dict[str, str] = {}
        self._sessions, self._lock = threading.local(), threading.Lock()

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        redirections: int | None = None,
        connection_type: object = None,
    ) -> tuple[httplib2.Response, bytes]:
        """The reply's headers (with ``status``) and its body.

        Raises:
            Failed: a web page where a result was expected, or a body that takes longer than the deadline.
            requests.RequestException: no connection, a reply that stands still, a body cut short.
        """
        timeout = (min(CONNECT_S, self.deadline_s), self.deadline_s)
        with self._session().request(
            method, uri, data=body, headers=headers, timeout=timeout, stream=True, allow_redirects=False, auth=_as_given
        ) as response:
            content = self._body(response)
        with self._lock:
            self.requests += 1
            self.bytes += len(content)
        self._note_quota(response.headers)
        if response.status_code == 200 and is_html(content[:HEAD]):
            raise Failed(f"the server sent {describe(content[:HEAD])} where a result was expected")
        kept = {name: value for name, value in response.headers.items() if name.lower() not in QUOTA}
        return httplib2.Response({**kept, "status": str(response.status_code)}), content

    def close(self) -> None:
        """Close this thread's connections."""
        self._session().close()

    def _session(self) -> requests.Session:
        if not hasattr(self._sessions, "session"):
            self._sessions.session = new_session()
        return self._sessions.session

    def _body(self, response: requests.Response) -> bytes:
        end, parts = time.monotonic() + self.deadline_s, []
        for part in response.iter_content(CHUNK):
            parts.append(part)
            if time.monotonic() > end:
                raise Failed(f"the body was not complete after {self.deadline_s:g} s")
        return b"".join(parts)

    def _note_quota(self, headers: Mapping[str, str]) -> None:
        for name in QUOTA:
            value = headers.get(name)
            with self._lock:
                if value is None or self.quota.get(name) == value:
                    continue
                self.quota[name] = value
            level = logging.WARNING if "restricted=true" in value else logging.INFO
            log.log(level, "Earth Engine, %s: %s", name, value)


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from replacing the given Authorization by an entry of ~/.netrc."""
    return request
