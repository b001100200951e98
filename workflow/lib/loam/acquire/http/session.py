"""One HTTP request: redirects followed without carrying secrets to another host, error statuses as ``Failed``.

requests itself drops Authorization when a redirect leaves the host, but neither other headers that hold keys nor
parameters, and it lets an entry of ~/.netrc replace a token that was given; so redirects are followed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from loam.acquire.http.redact import redact
from loam.acquire.http.retry import Failed, Policy, failed_of_reply, retry

MOST_REDIRECTS = 10
_SECRET_HEADER = re.compile(r"authori[sz]ation|cookie|key|token|secret|password", re.IGNORECASE)

Auth = tuple[str, str] | requests.auth.AuthBase | Callable[[requests.PreparedRequest], requests.PreparedRequest]


def new_session() -> requests.Session:
    """A session that says who asks."""
    session = requests.Session()
    session.headers["User-Agent"] = "loam (soil moisture workflow)"
    return session


def get(
    session: requests.Session,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    auth: Auth | None = None,
    params: Mapping[str, Any] | None = None,
    redirect_auth: Mapping[str, Auth] | None = None,
    timeout_s: float = 60.0,
) -> requests.Response:
    """The reply to GET ``url``, its body not yet read; the caller closes it.

    Headers that hold secrets, and ``auth``, go to the origin (scheme, host, port) of ``url`` alone; ``redirect_auth``
    (host name -> auth) to hosts that a redirect may lead to, a provider's login for one.

    Raises:
        Failed: an error status, a redirect without end, or one from https to http.
        requests.RequestException: no connection, or a reply that stands still.
    """
    given, origin = dict(headers or {}), _origin(url)
    for _ in range(MOST_REDIRECTS + 1):
        home = _origin(url) == origin
        own = auth if home else (redirect_auth or {}).get(urlsplit(url).hostname or "")
        sent = {name: value for name, value in given.items() if home or not _SECRET_HEADER.search(name)}
        if not home:  # what the session would add
            sent |= {name: None for name in session.headers if _SECRET_HEADER.search(name)}
        if own is None and _keeps_headers(session, sent, home):
            own = _as_given
        response = session.get(
            url, headers=sent, auth=own, params=params, timeout=timeout_s, stream=True, allow_redirects=False
        )
        if not (response.is_redirect or response.is_permanent_redirect):
            break
        target = urljoin(response.url, response.headers["Location"])
        response.close()
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
            raise Failed(f"redirected from https to {redact(target)}", retryable=False)
        url, params = target, None
    else:
        raise Failed(f"more than {MOST_REDIRECTS} redirects, the last to {redact(url)}", retryable=False)
    if response.status_code >= 400:
        with response:
            raise failed_of_reply(response)
    return response


def fetch(
    url: str,
    *,
    session: requests.Session | None = None,
    headers: Mapping[str, str] | None = None,
    auth: Auth | None = None,
    params: Mapping[str, Any] | None = None,
    redirect_auth: Mapping[str, Auth] | None = None,
    policy: Policy | None = None,
    what: str | None = None,
    fix: str | None = None,
) -> bytes:
    """The body of a small reply (a listing, a catalogue entry), asked for with retries.

    Raises:
        CredentialError, AcquireError: as ``loam.acquire.http.retry.retry``.
    """
    policy, own = policy or Policy(), session is None
    session = session or new_session()

    def once() -> bytes:
        with get(
            session, url, headers=headers, auth=auth, params=params, redirect_auth=redirect_auth,
            timeout_s=policy.timeout_s,
        ) as response:  # fmt: skip
            return response.content

    try:
        return retry(once, policy, what=what or redact(url), fix=fix)
    finally:
        if own:
            session.close()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _keeps_headers(session: requests.Session, sent: Mapping[str, str | None], home: bool) -> bool:
    """Whether requests, left to itself, would put other credentials in the place of those given, or of none."""
    if not home:
        return session.auth is not None
    return any(name.lower() == "authorization" for name in (*session.headers, *sent))


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from replacing a given Authorization header by an entry of ~/.netrc."""
    return request
