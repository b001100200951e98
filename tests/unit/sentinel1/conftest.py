"""What the tests of Sentinel-1 share. The builders of small products are in ``tests/data/sentinel1_files.py``.

product_path      a SAFE folder: IW, VV and VH, IPF 3.31, 300 lines of 400 samples (the default ``Take``)
channel           its VV channel, read
orbit             the orbit of its annotated state vectors
real_products     the real products beside the checkout, by a short name; skipped where they are not
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sentinel1_files import write_product

from loam.sentinel1.orbit import Orbit, fit_orbit
from loam.sentinel1.product import Channel, open_product


@pytest.fixture(scope="session")
def product_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product that no test may change."""
    return write_product(tmp_path_factory.mktemp("product"))


@pytest.fixture(scope="session")
def channel(product_path: Path) -> Channel:
    return open_product(product_path).channel("vv")


@pytest.fixture(scope="session")
def orbit(channel: Channel) -> Orbit:
    annotation = channel.annotation
    return fit_orbit(annotation.orbit, annotation.start, annotation.stop)


REAL = {
    "2.70": "S1A_*_6D00.zip",
    "2.36": "S1A_*_FEC3.zip",
    "2.36 first slice": "S1A_*_CEAB.zip",
    "2.36 second slice": "S1A_*_3768.zip",
    "3.31": "S1A_*_6FF8.SAFE",
    "3.40": "S1B_*_5371.SAFE",
}


@pytest.fixture(scope="session")
def real_products(shared_data: Path) -> Mapping[str, Path]:
    """Real products by version of the processor."""
    folder = shared_data / "sentinel" / "grd"
    found = {name: next(folder.glob(pattern), None) for name, pattern in REAL.items()}
    missing = [pattern for name, pattern in REAL.items() if found[name] is None]
    if missing:
        pytest.skip(f"products that are not in {folder}: {', '.join(missing)}")
    return found
