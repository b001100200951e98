"""Fixtures of the tests of acquire: ``loopback`` is a server on this machine that can be told to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback_server import Loopback

SECRETS = (
    "EARTHENGINE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "EARTHDATA_TOKEN",
    "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD", "NETRC", "CDSAPI_URL", "CDSAPI_KEY", "CDSAPI_RC", "TERN_API_KEY",
    "CDSE_USERNAME", "CDSE_PASSWORD",
)  # fmt: skip


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server on 127.0.0.1 that answers and fails as it is told."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    server = Loopback()
    yield server
    server.close()


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No credentials anywhere: no environment variable, an empty home; gives the home."""
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def files_in() -> Callable[[Path], list[str]]:
    """The names of all files under a folder, sorted: what a fault left behind."""
    return lambda folder: sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
