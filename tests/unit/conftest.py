"""A small region with a cube, built once for the tests of covariates and samples."""

from __future__ import annotations

import pytest
from cube_world import World, build_world


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    return build_world(tmp_path_factory.mktemp("cube"))
