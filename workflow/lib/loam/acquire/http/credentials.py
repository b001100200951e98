"""Where credentials come from: environment variables, or the files that the providers' own tools keep.

Nothing here asks a person or a server. What is missing ends in a CredentialError that says in one line what to do; what
is found is a ``Secret``, which does not show itself in a log, an error or a pickle.
"""

from __future__ import annotations

import json
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from loam.errors import CredentialError

EARTHDATA_HOST = "urs.earthdata.nasa.gov"
CDS_URL = "https://cds.climate.copernicus.eu/api"


class Secret:
    """A text that is seen only by who asks for it with ``reveal``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def reveal(self) -> str:
        """The text itself; for the request, not for a log."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True)
class Login:
    """A user and a password."""

    user: str
    password: Secret


@dataclass(frozen=True)
class EarthEngineLogin:
    """How to sign in to Earth Engine.

    Args:
        kind: ``service_account`` (``file`` is its JSON key), ``application_default`` (google.auth.default finds it) or
            ``user`` (``file`` is what ``earthengine authenticate`` left).
        file: where it is, if it is a file.
        email: of the service account.
        project: the project named in the file, None if it names none.
    """

    kind: str
    file: Path | None = None
    email: str | None = None
    project: str | None = None


@dataclass(frozen=True)
class EarthdataLogin:
    """A bearer token, or a user and password; ``source`` says where it was found."""

    source: str
    token: Secret | None = None
    login: Login | None = None


@dataclass(frozen=True)
class CdsLogin:
    """Address and key of the Climate Data Store."""

    url: str
    key: Secret


def earthengine(environ: Mapping[str, str] | None = None, home: Path | None = None) -> EarthEngineLogin:
    """A service account's key, or application default credentials, or those of ``earthengine authenticate``."""
    environ, home = _where(environ, home)
    if named := environ.get("EARTHENGINE_SERVICE_ACCOUNT_KEY", "").strip():
        return _service_account(Path(named).expanduser())
    if named := environ.get("GOOGLE_APPLICATION_CREDENTIALS", "").strip():
        file = Path(named).expanduser()
        if not file.is_file():
            raise CredentialError("no such file", where=f"GOOGLE_APPLICATION_CREDENTIALS ({file})", fix="mend its path")
        return EarthEngineLogin("application_default", file, project=_json(file).get("project_id"))
    cloud = Path(environ.get("CLOUDSDK_CONFIG") or home / ".config" / "gcloud")
    if (file := cloud / "application_default_credentials.json").is_file():
        return EarthEngineLogin("application_default", file, project=_json(file).get("quota_project_id"))
    if (file := home / ".config" / "earthengine" / "credentials").is_file():
        return EarthEngineLogin("user", file, project=_json(file).get("project"))
    raise CredentialError(
        "no Earth Engine credentials",
        fix="set EARTHENGINE_SERVICE_ACCOUNT_KEY to a service account's JSON key, or run `earthengine authenticate`",
    )


def earthdata(environ: Mapping[str, str] | None = None, home: Path | None = None) -> EarthdataLogin:
    """NASA Earthdata: EARTHDATA_TOKEN, EARTHDATA_USERNAME with EARTHDATA_PASSWORD, or the host's entry in ~/.netrc."""
    environ, home = _where(environ, home)
    if token := environ.get("EARTHDATA_TOKEN", "").strip():
        return EarthdataLogin("EARTHDATA_TOKEN", token=Secret(token))
    if login := _pair(environ, "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"):
        return EarthdataLogin("EARTHDATA_USERNAME", login=login)
    file = Path(environ.get("NETRC") or home / ".netrc").expanduser()
    if file.is_file() and (login := _from_netrc(file, EARTHDATA_HOST)):
        return EarthdataLogin(str(file), login=login)
    raise CredentialError(
        "no NASA Earthdata credentials",
        fix=f"register at https://{EARTHDATA_HOST}, make a token there and set EARTHDATA_TOKEN (or put "
        f"`machine {EARTHDATA_HOST} login <user> password <password>` in ~/.netrc)",
    )


def cds(environ: Mapping[str, str] | None = None, home: Path | None = None) -> CdsLogin:
    """The Climate Data Store: CDSAPI_KEY (and CDSAPI_URL), or ~/.cdsapirc."""
    environ, home = _where(environ, home)
    url, key = environ.get("CDSAPI_URL", "").strip(), environ.get("CDSAPI_KEY", "").strip()
    file = Path(environ.get("CDSAPI_RC") or home / ".cdsapirc").expanduser()
    if not (key and url) and file.is_file():
        kept = _colon_file(file)
        url, key = url or kept.get("url", ""), key or kept.get("key", "")
    if key:
        return CdsLogin(url or CDS_URL, Secret(key))
    raise CredentialError(
        "no Climate Data Store key",
        fix=f"register at https://cds.climate.copernicus.eu, accept the dataset's licence there, and set CDSAPI_KEY or "
        f"write `url: {CDS_URL}` and `key: <key>` to ~/.cdsapirc",
    )


def tern(environ: Mapping[str, str] | None = None) -> Secret:
    """TERN: TERN_API_KEY, sent as the password of the user ``apikey``."""
    environ, _ = _where(environ, None)
    if key := environ.get("TERN_API_KEY", "").strip():
        return Secret(key)
    raise CredentialError(
        "no TERN API key", fix="make one at https://account.tern.org.au (free) and set TERN_API_KEY"
    )  # fmt: skip


def dataspace(environ: Mapping[str, str] | None = None) -> Login:
    """Copernicus Data Space: CDSE_USERNAME and CDSE_PASSWORD."""
    environ, _ = _where(environ, None)
    if login := _pair(environ, "CDSE_USERNAME", "CDSE_PASSWORD"):
        return login
    raise CredentialError(
        "no Copernicus Data Space credentials",
        fix="register at https://dataspace.copernicus.eu (free) and set CDSE_USERNAME and CDSE_PASSWORD",
    )


def _where(environ: Mapping[str, str] | None, home: Path | None) -> tuple[Mapping[str, str], Path]:
    return os.environ if environ is None else environ, home or Path.home()


def _pair(environ: Mapping[str, str], user: str, password: str) -> Login | None:
    values = [environ.get(name, "").strip() for name in (user, password)]
    if any(values) and not all(values):
        raise CredentialError(f"{user if values[0] else password} is set alone", fix=f"set {user} and {password}")
    return Login(values[0], Secret(values[1])) if all(values) else None


def _service_account(file: Path) -> EarthEngineLogin:
    where = f"EARTHENGINE_SERVICE_ACCOUNT_KEY ({file})"
    if not file.is_file():
        raise CredentialError("no such file", where=where, expected="the JSON key of a service account")
    kept = _json(file)
    if kept.get("type") != "service_account" or not kept.get("client_email"):
        raise CredentialError("is not the key of a service account", where=where, fix="make a JSON key in the console")
    return EarthEngineLogin("service_account", file, kept["client_email"], kept.get("project_id"))


def _json(file: Path) -> dict:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = None
    if not isinstance(kept, dict):
        raise CredentialError("cannot be read as JSON", where=file, fix="make the credentials anew") from None
    return kept


def _from_netrc(file: Path, host: str) -> Login | None:
    try:
        found = netrc.netrc(str(file)).hosts.get(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):  # its text may hold a password
        raise CredentialError(
            "cannot be read", where=file, expected="lines `machine <host> login <user> password <password>`",
            fix="mend it, and let nobody else read it (chmod 600)",
        ) from None  # fmt: skip
    return Login(found[0], Secret(found[2])) if found and found[0] and found[2] else None


def _colon_file(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CredentialError("cannot be read", where=file, expected="lines `url: ...` and `key: ...`") from None
    pairs = [line.split(":", 1) for line in lines if ":" in line and not line.lstrip().startswith("#")]
    return {name.strip(): value.strip() for name, value in pairs}
