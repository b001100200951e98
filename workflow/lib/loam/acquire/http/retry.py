"""Ask again when a server is busy or a connection breaks, and at no other time.

Waits grow exponentially with full jitter (Brooker, 2015, "Exponential backoff and jitter", AWS Architecture Blog): wait
``n`` is uniform on 0 .. min(longest, first * 2**n), so that jobs that failed together do not come back together. What
the server asks for in Retry-After is honoured. A wall clock bounds the whole.
"""

from __future__ import annotations

import http.client
import logging
import random as random_numbers
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import requests
import urllib3

from loam.acquire.http.redact import redact_text
from loam.errors import AcquireError, CredentialError

log = logging.getLogger("loam")

Result = TypeVar("Result")

_CONNECTION = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
)

_TIMEOUT = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)


@dataclass(frozen=True)
class Policy:
    """How long to insist.

    Args:
        attempts: at most so many, the first included.
        first_wait_s: longest wait before the second attempt, s; it doubles with each.
        longest_wait_s: no jittered wait is longer, s (one that the server asks for may be).
        wall_clock_s: no attempt begins and no download runs on after so many seconds.
        timeout_s: a connection, or a reply that has begun, may stand still for so long, s.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    wall_clock_s: float = 3600.0
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"{self.attempts} attempts, expected at least one")


class Failed(Exception):  # noqa: N818 - of one attempt, not yet an error
    """One attempt failed; ``retry`` decides whether another one follows.

    Args:
        message: what happened, one line, without secrets.
        status: the HTTP status, if there was a reply.
        retry_after_s: what the server asked for, s.
        retryable: whether another attempt can help; if not given, what the status says.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after_s = status, retry_after_s
        self.retryable = (status is None or status_is_retryable(status)) if retryable is None else retryable


def status_is_retryable(status: int) -> bool:
    """Whether the same request can succeed later: 408, 429 and 5xx."""
    return status in (408, 429) or 500 <= status <= 599


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (a number or an HTTP date, RFC 9110 10.2.3); None if it says nothing.

    Args:
        text: the header's value.
        now: the time to count a date from, with time zone.
    """
    text = (text or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def failed_of(error: BaseException) -> Failed | None:
    """``error`` as a failed attempt; None if it is not the network's (a full disk, a defect)."""
    if isinstance(error, Failed):
        return error
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return failed_of_reply(error.response)
    if not isinstance(error, _CONNECTION):
        if isinstance(error, requests.RequestException):
            return Failed(f"the request cannot be sent ({type(error).__name__})", retryable=False)
        return None
    text = str(error)
    if isinstance(error, requests.ConnectTimeout | urllib3.exceptions.ConnectTimeoutError):
        return Failed("the host does not answer")
    if isinstance(error, _TIMEOUT) or "timed out" in text:
        return Failed("the reply stood still")
    if cut := re.search(r"IncompleteRead\((\d+) bytes read(, \d+ more expected)?", text):
        return Failed(f"the body ended after {cut[1]} bytes{cut[2] or ''}")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Failed("the server's certificate cannot be verified", retryable=False)
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return Failed("the host's name cannot be resolved")
    reason = re.sub(r"<[^>]*>|\w*Pool\([^)]*\):?", "", redact_text(text))
    return Failed(f"the connection failed ({type(error).__name__}: {' '.join(reason.split())[:160]})")


def failed_of_reply(response: requests.Response, *, retryable: bool | None = None) -> Failed:
    """What a reply that is not the file says: status, Retry-After, and the beginning of its text.

    Args:
        response: the reply, its body not yet read or whole.
        retryable: whether another attempt can help; if not given, what the status says.
    """
    wait = parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    text = f"HTTP {response.status_code}{_said(response)}"
    return Failed(text, status=response.status_code, retry_after_s=wait, retryable=retryable)


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error that ``retry`` raised; None where there was no reply."""
    cause = error.__cause__
    return cause.status if isinstance(cause, Failed) else None


def retry(
    call: Callable[[], Result],
    policy: Policy,
    *,
    what: str,
    fix: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    random: Callable[[], float] = random_numbers.random,
) -> Result:
    """What ``call`` returns, asked again while that can help.

    Args:
        call: one attempt; raises ``Failed``, or an error of requests, urllib3 or the socket.
        policy: how long to insist.
        what: what is fetched from where, for log and errors; without secrets.
        fix: what to do when the server refuses the credentials (401, 403).
        sleep: waits so many seconds.
        clock: seconds that only grow.
        random: uniform numbers on 0 .. 1.

    Raises:
        CredentialError: 401 or 403.
        AcquireError: another final status, attempts used up, or the wall clock over; ``status_of`` tells the status.
    """
    started = clock()
    for attempt in range(policy.attempts):
        try:
            return call()
        except Exception as error:
            failed = failed_of(error)
            if failed is None:
                raise
            cause = failed
        if not cause.retryable:
            break
        if attempt + 1 == policy.attempts:
            raise AcquireError(
                f"{cause}, after {policy.attempts} attempts", where=what, fix="try again later; what is complete stays"
            ) from cause
        wait = _wait(cause, attempt, policy, random)
        left = policy.wall_clock_s - (clock() - started)
        if wait > left:
            raise _too_late(cause, what, wait, policy) from cause
        log.info("%s: %s; attempt %d of %d in %.1f s", what, cause, attempt + 2, policy.attempts, wait)
        sleep(wait)
    raise _final(cause, what, fix) from cause


def _wait(cause: Failed, attempt: int, policy: Policy, random: Callable[[], float]) -> float:
    if cause.retry_after_s is not None:
        return cause.retry_after_s + random() * policy.first_wait_s
    return random() * min(policy.longest_wait_s, policy.first_wait_s * 2.0**attempt)


def _too_late(cause: Failed, what: str, wait: float, policy: Policy) -> AcquireError:
    if cause.retry_after_s is None:
        return AcquireError(
            f"{cause}, and the {policy.wall_clock_s:g} s for it are over", where=what,
            fix="try again later; what is complete stays",
        )  # fmt: skip
    when = (datetime.now(UTC) + timedelta(seconds=wait)).strftime("%Y-%m-%d %H:%M UTC")
    return AcquireError(
        f"{cause}; the server asks to come back in {wait:.0f} s", where=what, fix=f"run again after {when}"
    )


def _final(cause: Failed, what: str, fix: str | None) -> AcquireError:
    if cause.status == 401:
        return CredentialError(
            f"{cause}: the credentials are wrong or have expired", where=what, fix=fix or "renew them and run again"
        )
    if cause.status == 403:
        return CredentialError(
            f"{cause}: access is not granted", where=what,
            fix=fix or "accept the dataset's terms on the provider's site, or check what the account may read",
        )  # fmt: skip
    if cause.status == 404:
        return AcquireError(f"{cause}: the server does not have it", where=what, fix="check dataset, version and date")
    return AcquireError(str(cause), where=what)


def _said(response: requests.Response) -> str:
    """The beginning of an error reply's text, for people."""
    try:
        body = (
            response.raw.read(4096, decode_content=True) if not response._content_consumed else response.content[:4096]
        )
    except _CONNECTION:
        return ""
    text = (body or b"").decode("utf-8", "replace")
    message = re.search(r'"(?:message|detail|description|title|error)"\s*:\s*"([^"]+)"', text)
    title = re.search(r"<(?:title|Message)>\s*(.*?)\s*</", text, re.IGNORECASE | re.DOTALL)
    found = message or title
    line = " ".join((found.group(1) if found else "" if "<" in text[:200] else text).split())
    return f" ({redact_text(line)[:160]})" if line else ""
