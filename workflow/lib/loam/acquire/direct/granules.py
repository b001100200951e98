"""Granules of NASA's archives: the login (never a question to a person), the list of a period, and what each is.

The Common Metadata Repository lists them, asked through earthaccess (its ``Auth`` and ``DataGranules``); it also says
size and checksum, against which what comes is compared.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import requests

from loam.acquire.http import credentials
from loam.acquire.http.redact import redact_text
from loam.acquire.http.retry import Failed, Policy, failed_of_reply, retry
from loam.errors import AcquireError, CredentialError

if TYPE_CHECKING:
    from earthaccess.auth import Auth
    from earthaccess.system import System

log = logging.getLogger("loam")

Result = TypeVar("Result")

STAMP = re.compile(r"[._A](\d{8})(?:T(\d{4})\d{2}|\.(\d{4}))?(?=[._])")
RENEW = "make a new token at https://urs.earthdata.nasa.gov (Generate Token) and set EARTHDATA_TOKEN"
TERMS = (
    "log in at https://urs.earthdata.nasa.gov, approve the archive's application (Applications > Authorized Apps) and "
    "accept its EULAs, then run again"
)


@dataclass(frozen=True)
class Granule:
    """A file of an archive.

    Args:
        name: of the file.
        url: where it is.
        begins: the time in its name, UTC.
        version: of the collection.
        size: bytes, None where the catalogue does not say.
        checksum: algorithm (``sha256``, ``md5``, ...) and hex digits, None where the catalogue does not say.
    """

    name: str
    url: str
    begins: datetime
    version: str
    size: int | None = None
    checksum: tuple[str, str] | None = None


def sign_in(system: System, policy: Policy) -> Auth:
    """Sign in to NASA Earthdata with what ``loam.acquire.http.credentials.earthdata`` finds; no person is asked.

    Raises:
        CredentialError: there are no credentials, or they are refused.
        AcquireError: the login server does not answer.
    """
    from earthaccess.auth import Auth
    from earthaccess.exceptions import LoginAttemptFailure, LoginStrategyUnavailable

    found = credentials.earthdata()
    auth = Auth()
    strategy = "environment" if found.source.startswith("EARTHDATA_") else "netrc"

    def once() -> None:
        try:
            auth.login(strategy=strategy, system=system)
        except LoginAttemptFailure as error:
            code = re.search(r"\b(408|429|5\d\d)\b", str(error))
            if code:
                raise Failed(f"the login server answered {code[1]}") from None
            raise CredentialError(
                "NASA Earthdata refused user and password", where=found.source, fix="correct them, or " + RENEW
            ) from None
        except LoginStrategyUnavailable:
            raise CredentialError("cannot be used to sign in", where=found.source, fix=RENEW) from None

    retry(once, policy, what=f"login at {system.edl_hostname}", fix=RENEW)
    return auth


def list_granules(
    auth: Auth, short_name: str, version: str, first: date, last: date, suffixes: Sequence[str], policy: Policy
) -> list[Granule]:
    """The granules from ``first`` to ``last`` (their names' times, UTC), one a time: the newest by name.

    Raises:
        AcquireError: the catalogue does not answer, or names no address for a granule.
    """
    items = _asked(
        auth, policy, f"list of {short_name} {version}", lambda query: query.get_all(),
        short_name=short_name, version=version,
        temporal=(datetime.combine(first, time.min), datetime.combine(last, time(23, 59, 59))),
    )  # fmt: skip
    granules = _granules(items, version, suffixes)
    newest = {granule.begins: granule for granule in sorted(granules, key=lambda granule: granule.name)}
    return [newest[when] for when in sorted(newest) if first <= when.date() <= last]


def latest_granule(
    auth: Auth, short_name: str, version: str, suffixes: Sequence[str], policy: Policy
) -> Granule | None:
    """The newest granule that the archive has."""
    items = _asked(
        auth, policy, f"latest of {short_name} {version}", lambda query: query.get(1),
        short_name=short_name, version=version, sort_key="-start_date",
    )  # fmt: skip
    return max(_granules(items, version, suffixes), key=lambda granule: granule.begins, default=None)


def _asked(auth: Auth, policy: Policy, what: str, ask: Callable[[Any], Result], **parameters: Any) -> Result:
    from earthaccess.search import DataGranules

    def once() -> Result:
        query = DataGranules(auth)
        for scheme in ("https://", "http://"):
            query.session.mount(scheme, _Timed(policy.timeout_s))
        try:
            return ask(query.parameters(**parameters))
        except RuntimeError as error:
            reply = getattr(error.__cause__, "response", None)
            if reply is None:
                raise
            raise failed_of_reply(reply) from None
        except (KeyError, ValueError) as error:
            raise Failed(f"the reply is no list of granules ({redact_text(str(error))[:80]})") from None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of earthaccess about its own version 1.0
        return retry(once, policy, what=what, fix=RENEW)


def _granules(items: Iterable[Any], version: str, suffixes: Sequence[str]) -> list[Granule]:
    granules = []
    for item in items:
        links = [link for link in item.data_links(access="external") if link.lower().endswith(tuple(suffixes))]
        if not links:
            name = item.get("umm", {}).get("GranuleUR", "a granule")
            raise AcquireError(f"the catalogue names no {' or '.join(suffixes)} file", where=name)
        name = urlsplit(links[0]).path.rsplit("/", 1)[-1]
        stamp = STAMP.search(name)
        if not stamp:
            raise AcquireError("its name holds no date", where=name, expected="yyyymmdd in it")
        begins = datetime.strptime(stamp[1] + (stamp[2] or stamp[3] or "0000"), "%Y%m%d%H%M").replace(tzinfo=UTC)
        granules.append(Granule(name, links[0], begins, version, *_described(item, name)))
    return granules


def _described(item: Any, name: str) -> tuple[int | None, tuple[str, str] | None]:
    """Size and checksum of the file ``name``, as far as the catalogue says."""
    entries = item.get("umm", {}).get("DataGranule", {}).get("ArchiveAndDistributionInformation", [])
    entry = next((entry for entry in entries if entry.get("Name") == name), {})
    size, checksum = entry.get("SizeInBytes"), entry.get("Checksum", {})
    algorithm = str(checksum.get("Algorithm", "")).lower().replace("-", "")
    known = algorithm in ("md5", "sha1", "sha256", "sha384", "sha512") and checksum.get("Value")
    return (int(size) if size else None), ((algorithm, str(checksum["Value"]).lower()) if known else None)


class _Timed(requests.adapters.HTTPAdapter):
    """Gives up on a reply that stands still; earthaccess itself would wait for ever."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self.timeout_s = timeout_s

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """Send, with a timeout."""
        return super().send(request, **{**how, "timeout": how.get("timeout") or self.timeout_s})
