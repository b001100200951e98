import json

import pytest

from loam.io.provenance import provenance_path, sha256_of_file, write_provenance


@pytest.fixture
def product(tmp_path):
    path = tmp_path / "2020.nc"
    path.write_bytes(b"rain")
    return path


def record_of(path):
    return json.loads(provenance_path(path).read_text())


def write(*paths):
    write_provenance(paths, [], rule="fetch_fields", code="c0de", values={"seed": 1})


def test_a_source_of_these_very_bytes_is_kept(product):
    source = {"dataset": "silo", "request_hash": "feed"}
    provenance_path(product).write_text(json.dumps({"sha256": sha256_of_file(product), "source": source}))
    write(product)
    write(product)
    assert record_of(product)["source"] == source
    assert record_of(product)["rule"] == "fetch_fields" and record_of(product)["sha256"] == sha256_of_file(product)


def test_a_source_of_other_bytes_is_dropped(product):
    provenance_path(product).write_text(json.dumps({"sha256": "0" * 64, "source": {"dataset": "silo"}}))
    write(product)
    assert "source" not in record_of(product)


@pytest.mark.parametrize("text", ["", "not JSON", "[]", "{}"])
def test_a_record_that_cannot_be_read_is_replaced(product, text):
    provenance_path(product).write_text(text)
    write(product)
    assert record_of(product)["code"] == "c0de" and "source" not in record_of(product)


def test_each_output_has_its_own_source(product, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a")
    provenance_path(product).write_text(json.dumps({"sha256": sha256_of_file(product), "source": {"dataset": "silo"}}))
    write(product, other)
    assert "source" in record_of(product) and "source" not in record_of(other)
    assert record_of(other)["sha256"] == sha256_of_file(other)


def test_a_folder_has_a_record_that_changes_with_its_content(tmp_path):
    store, product = tmp_path / "static.zarr", tmp_path / "map.txt"
    (store / "part").mkdir(parents=True)
    (store / "part" / "0").write_text("one")
    product.write_text("map")
    write_provenance([store], [], rule="build", code="c", values={})
    first = json.loads(provenance_path(store).read_text())["sha256"]
    write_provenance([product], [store], rule="map", code="c", values={})
    assert json.loads(provenance_path(product).read_text())["inputs"] == {str(store): first}
    (store / "part" / "0").write_text("two")
    write_provenance([store], [], rule="build", code="c", values={})
    assert json.loads(provenance_path(store).read_text())["sha256"] != first
