"""What an error of Earth Engine means: ask again, ask for less, or tell the user what to do.

The client's own exception keeps the message and drops the HTTP status, which is found in the exception that it was made
from (``__context__.resp``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import ee
import google.auth.exceptions
import googleapiclient.errors

from loam.acquire.http.redact import redact_text
from loam.acquire.http.retry import Failed, parse_retry_after
from loam.errors import AcquireError, CredentialError


class TooLargeError(AcquireError):
    """The server says that a request is too large, or takes more memory or time than one may."""


TOO_LARGE = re.compile(
    r"total request size|request payload size|memory limit exceeded|computation timed out|computed value is too large"
    r"|output of image computation is too large|pixel grid dimensions|response size exceeds",
    re.IGNORECASE,
)
REGISTER = "register it at https://console.cloud.google.com/earth-engine"
REFUSED = (
    (
        r"not registered|not signed up",
        f"the project is not registered for Earth Engine: {REGISTER}, or name another in acquire.earthengine.project",
    ),
    (
        r"api has not been used|is disabled|service_?disabled",
        "enable the Earth Engine API of the project in the Google Cloud console, wait some minutes and run again",
    ),
    (
        r"permission to use project|serviceusage|earthengine\.computations",
        "give the account the roles Earth Engine Resource Viewer and Service Usage Consumer in the project",
    ),
    (r"eligib|noncommercial|terms|commercial", f"accept the terms and verify the use of the project: {REGISTER}"),
    (
        r"\bproject\b[^/]*(not found|deleted|invalid)|invalid project",
        "mend acquire.earthengine.project: it is the project's id, not its name",
    ),
)
ACCESS = "check that the account may use the project and read the dataset"
RENEW = "renew them (`earthengine authenticate`, or a new key for the service account) and run again"
SPENT = re.compile(r"per (month|day)|monthly|daily|eecu|compute[ -]time", re.IGNORECASE)


def meaning(error: Exception, what: str) -> Exception | None:
    """The error to raise in place of ``error``: ``Failed`` (``retry`` decides), ``TooLargeError`` or a LoamError.

    Args:
        error: what a call of the client raised.
        what: what was asked for.

    Returns:
        None if ``error`` says enough itself, or is a defect.
    """
    if isinstance(error, ee.EEException):
        reply = getattr(error.__context__, "resp", None)
        if reply is not None:
            return _of_reply(str(error), reply, what)
        if "unexpected response type" in str(error).lower():
            return Failed("the server sent text where a list was expected")
        return AcquireError(redact_text(str(error))[:300], where=what)
    if isinstance(error, googleapiclient.errors.HttpError):
        return _of_reply(error._get_reason(), error.resp, what)
    if isinstance(error, googleapiclient.errors.Error):
        return Failed(f"the server sent no description of its interface ({type(error).__name__})")
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        text = redact_text(str(error.args[0]) if error.args else type(error).__name__)[:200]
        if error.retryable or isinstance(error, google.auth.exceptions.TransportError):
            return Failed(f"signing in failed ({text})")
        return CredentialError(f"Earth Engine does not accept the credentials ({text})", where=what, fix=RENEW)
    return None


def _of_reply(message: str, reply: dict, what: str) -> Exception:
    status, said = int(reply.status), redact_text(" ".join(message.split()))[:300]
    if TOO_LARGE.search(message):
        return TooLargeError(f"HTTP {status} ({said})", where=what)
    if status == 401:
        return CredentialError(f"the credentials are wrong or have expired ({said})", where=what, fix=RENEW)
    if status == 429 and SPENT.search(message):
        return CredentialError(
            f"the project's Earth Engine quota is used up ({said})", where=what,
            fix="wait until it is renewed, choose a larger tier in the console, or name another project in "
            "acquire.earthengine.project",
        )  # fmt: skip
    refused = next((fix for pattern, fix in REFUSED if re.search(pattern, message, re.IGNORECASE)), None)
    if status == 403 or (status in (400, 404) and refused and re.search(r"\bproject\b", message, re.IGNORECASE)):
        return CredentialError(f"access is not granted ({said})", where=what, fix=refused or ACCESS)
    wait = parse_retry_after(reply.get("retry-after"), datetime.now(UTC))
    return Failed(f"HTTP {status} ({said})", status=status, retry_after_s=wait)
