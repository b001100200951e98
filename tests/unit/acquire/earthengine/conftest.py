"""Fixtures of the tests of Earth Engine: ``engine`` is one on this machine (earthengine_server)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ee
import pytest
from earthengine_server import Engine, Graph, degrees, image


@pytest.fixture
def engine(loopback: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    """Earth Engine on this machine."""
    monkeypatch.setattr(ee.deprecation, "_DEPRECATED_ASSETS_URL", loopback.url + "/deprecated.json")
    yield Engine(loopback, tmp_path)
    ee.Reset()


@pytest.fixture
def graph() -> Callable[[dict[str, Any]], Graph]:
    """The expression in the body of a request."""
    return lambda body: Graph(body["expression"])


@pytest.fixture
def listed() -> Callable[..., dict[str, Any]]:
    """An entry of a listing."""
    return image


@pytest.fixture
def degree_grid() -> Callable[..., dict[str, Any]]:
    """A grid of longitude and latitude as Earth Engine describes it."""
    return degrees
