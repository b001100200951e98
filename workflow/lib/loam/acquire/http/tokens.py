"""Bearer tokens of NASA Earthdata and the Copernicus Data Space: asked for, renewed when expired, not shown.

A token goes to the hosts of its provider alone, whatever redirects a download takes, because the header is made anew
for every request (``Bearer``). Both providers give short-lived tokens for a user and password; Earthdata also lets a
user make one by hand (EARTHDATA_TOKEN), which cannot be renewed here.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import requests

from loam.acquire.http import credentials
from loam.acquire.http.content import json_object
from loam.acquire.http.credentials import Secret
from loam.acquire.http.redact import redact
from loam.acquire.http.retry import Policy, failed_of_reply, retry, status_of
from loam.acquire.http.session import new_session
from loam.errors import AcquireError, CredentialError

log = logging.getLogger("loam")

EARLY_S = 30.0  # a token is renewed so long before it expires


class Bearer(requests.auth.AuthBase):
    """Puts the token into requests to the trusted domains, and into no other."""

    def __init__(self, token: Callable[[], Secret], trusted: Sequence[str]) -> None:
        self.token, self.trusted = token, tuple(trusted)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """``request`` with the token, if its host is trusted."""
        host = urlsplit(request.url or "").hostname or ""
        if any(host == domain or host.endswith(f".{domain}") for domain in self.trusted):
            request.headers["Authorization"] = f"Bearer {self.token().reveal()}"
        return request


class Tokens(ABC):
    """Gives the token that is valid at the moment.

    Args:
        login: address that gives tokens.
        policy: how long to insist there.
        clock: seconds that only grow.
    """

    def __init__(self, login: str, policy: Policy, clock: Callable[[], float] = time.monotonic) -> None:
        self.login, self.policy, self._clock = login, policy, clock
        self._token: Secret | None = None
        self._until = 0.0

    def current(self) -> Secret:
        """The token; a new one if there is none, or it is about to expire.

        Raises:
            CredentialError: there are no credentials, or the provider refuses them.
            AcquireError: the provider does not answer.
        """
        if self._token is None or self._clock() >= self._until - EARLY_S:
            self._token, lifetime_s = self._ask()
            self._until = self._clock() + lifetime_s
        return self._token

    def renew(self) -> bool:
        """Forget the token, so that the next one is new; False if there can be no other."""
        self._token = None
        return True

    @abstractmethod
    def _ask(self) -> tuple[Secret, float]:
        """A new token, and how long it is valid, s."""


class EarthdataTokens(Tokens):
    """A token of NASA Earthdata Login."""

    def current(self) -> Secret:
        """The token that the user made, or one for the user and password."""
        return credentials.earthdata().token or super().current()

    def renew(self) -> bool:
        """False where the user made the token."""
        return credentials.earthdata().token is None and super().renew()

    def _ask(self) -> tuple[Secret, float]:
        found = credentials.earthdata().login
        reply = _post(
            self.login, self.policy, auth=(found.user, found.password.reveal()),
            fix="mend EARTHDATA_USERNAME and EARTHDATA_PASSWORD (or ~/.netrc)",
        )  # fmt: skip
        return _token(reply, self.login), 86400.0


class DataspaceTokens(Tokens):
    """A token of the Copernicus Data Space: valid ten minutes, continued by a refresh token for an hour."""

    client_id = "cdse-public"
    _refresh: Secret | None = None

    def _ask(self) -> tuple[Secret, float]:
        reply = self._continued() or self._anew()
        self._refresh = Secret(str(reply["refresh_token"])) if reply.get("refresh_token") else None
        return _token(reply, self.login), float(reply.get("expires_in", 600))

    def renew(self) -> bool:
        """Forget the refresh token too."""
        self._refresh = None
        return super().renew()

    def _continued(self) -> Mapping[str, object] | None:
        if self._refresh is None:
            return None
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh.reveal()}
        try:
            return _post(self.login, self.policy, form={"client_id": self.client_id, **form})
        except AcquireError as error:
            if status_of(error) not in (400, 401):
                raise
            log.info("%s: the refresh token has expired; logging in again", redact(self.login))
            return None

    def _anew(self) -> Mapping[str, object]:
        login = credentials.dataspace()
        form = {"grant_type": "password", "username": login.user, "password": login.password.reveal()}
        return _post(
            self.login, self.policy, form={"client_id": self.client_id, **form},
            fix="mend CDSE_USERNAME and CDSE_PASSWORD, and accept the terms at https://dataspace.copernicus.eu",
        )  # fmt: skip


def _post(
    url: str,
    policy: Policy,
    *,
    form: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    fix: str | None = None,
) -> Mapping[str, object]:
    def once() -> bytes:
        with new_session() as session:
            reply = session.post(url, data=form, auth=auth, timeout=policy.timeout_s, allow_redirects=False)
            if reply.status_code != 200:
                raise failed_of_reply(reply)
            return reply.content

    body = retry(once, policy, what=redact(url), fix=fix)
    return json_object(body, url, "a token as JSON")


def _token(reply: Mapping[str, object], url: str) -> Secret:
    token = reply.get("access_token")
    if not isinstance(token, str) or not token.strip():
        raise CredentialError("the server gave no token", where=redact(url), fix="log in there once with a browser")
    return Secret(token)
