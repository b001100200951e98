"""The page: self-contained, complete, and true to the tables."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import build_report
import describe_accuracy
import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine

from loam.config.mapped import map_systems
from loam.config.settings import load_config
from loam.io.provenance import write_provenance
from loam.io.tables import write_table
from loam.probes.products import QC_REPORT
from loam.report.figures import Figure, png
from loam.report.page import build_page

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """What a page loads, shows and leaves open."""

    def __init__(self):
        super().__init__()
        self.loaded, self.pictures, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.loaded += [attrs[name] for name in ("src", "href", "srcset", "action") if name in attrs]
        if tag == "img":
            self.pictures.append(attrs)
        if tag not in VOID:
            self.open.append(tag)
        assert tag not in ("script", "link", "iframe")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.fixture
def day(tmp_path, map_score):
    """A mapped day with its picture, the range of its inputs (75 % inside) and its score."""
    folder = tmp_path / "maps" / "2022-08-15"
    folder.mkdir(parents=True)
    (folder / "soil_moisture.png").write_bytes(png(Figure(figsize=(1, 1))))
    sides = np.array([[1, 1, 1, 255], [0, 255, 255, 255]], np.uint8)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": 2, "width": 4, "crs": "EPSG:28355",
               "transform": Affine(80, 0, 540_000, 0, -80, 5_360_000), "nodata": 255}  # fmt: skip
    with rasterio.open(folder / "trust.tif", "w", **profile) as dataset:
        dataset.write(sides, 1)
    write_table(map_score, folder / "score.csv")
    return folder


def test_the_page_shows_every_median_of_the_summary(make_run):
    run = make_run()
    text = " ".join(read(build_page(**run)).text)
    for row in run["summary"].itertuples():
        shown = f"{row.median:.{2 if row.metric in ('r', 'ccc') else 3}f}".replace("-", "−")
        assert shown in text or float(row.median) == pytest.approx(0, abs=5e-4)
    for finding in ("Surface", "Subsurface", "Lowest median RMSE", "Transfer"):
        assert finding.lower() in text.lower()


def test_nothing_is_loaded_from_elsewhere_and_every_picture_has_a_text(make_run, day):
    run = make_run()
    run["maps"], run["inside"] = [day / "soil_moisture.png"], {"2022-08-15": 0.5}
    page = build_page(**run)
    reader = read(page)
    assert all(address.startswith("data:image/png;base64,") for address in reader.loaded)
    assert len(reader.pictures) == 2 * 2 + 1
    assert all(len(picture["alt"]) > 40 for picture in reader.pictures)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in re.sub(r'"data:[^"]*"', "", page)


def test_how_far_off_a_map_is_stands_above_every_picture(make_run, day):
    run = make_run(layers=("surface",))
    run["maps"], run["inside"] = [day / "soil_moisture.png"] * 2, {"2022-08-15": 0.5}
    page = build_page(**run, accuracy=["surface: expect ±0.060 m³ m⁻³"])
    shown = re.findall(r"expect ±0.060 m³ m⁻³</p>\n<div class=\"wide\"><img", page)
    assert len(shown) == 2


def lossy_report():
    """The QC report of a station that froze on 12 of 60 days, and of one that lost nothing."""
    rows = [("hill", "kept", False, 48), ("hill", "frozen", True, 12), ("vale", "kept", False, 60)]
    table = pd.DataFrame(rows, columns=["station", "flag", "excluded", "number"])
    table = table.assign(counted="layer", place="surface", sensor="", of=60, share=table["number"] / 60)
    return table.assign(first_day=pd.NaT, last_day=pd.NaT)[list(QC_REPORT.columns)]


def test_stations_that_lost_over_a_tenth_are_in_the_report_with_the_reason(make_run):
    run = make_run(layers=("surface",))
    dropped = pd.DataFrame(
        [("target", "hill", "kept", "", 70), ("target", "hill", "covariate", "rain", 30),
         ("target", "vale", "kept", "", 95), ("target", "vale", "covariate", "rain", 5)],
        columns=["domain", "station", "reason", "column", "rows"],
    )  # fmt: skip
    text = text_of(build_page(**{**run, "dropped": dropped}, checked={"source": lossy_report()}))
    _, _, table = text.partition("Stations that lost over a tenth of their record")
    assert "target hill samples 30 of 100 30.0 % no rain 30% source hill days of surface 12 of 60 20.0 %" in table
    assert "vale" not in table.split("Reproduce")[0].split("</table>")[0].split("How to")[0]
    quiet = dropped.assign(rows=[100, 1, 95, 5])
    assert "over a tenth" not in text_of(build_page(**{**run, "dropped": quiet}))


def text_of(page):
    return " ".join(" ".join(read(page).text).split())


def test_a_map_is_shown_with_its_scores_in_each_layer(make_run, day, map_score):
    run = make_run()
    run["maps"], run["inside"], run["scores"] = (
        [day / "soil_moisture.png"],
        {"2022-08-15": 0.666},
        {"2022-08-15": map_score},
    )
    text = text_of(build_page(**run))
    assert "66.6 % of the mapped pixels have all their inputs within the range of the training data" in text
    assert "2022-08-15 against the known truth: surface, 0–30 cm" in text
    assert "2022-08-15 against the known truth: subsurface, 30–60 cm" in text
    assert "all pixels 62,500 0 100.0 % 0.042 −0.006 0.83 62.5 %" in text
    assert "outside the range of the training data 12,500 0 20.0 % 0.062 −0.006 0.83 –" in text


def test_a_map_without_a_truth_tells_the_share_inside_the_range_alone(make_run, day):
    run = make_run(layers=("surface",))
    run["maps"], run["inside"] = [day / "soil_moisture.png"], {"2022-08-15": 0.25}
    text = text_of(build_page(**run))
    assert "25.0 % of the mapped pixels" in text
    assert "known truth" not in text and "In 90 %" not in text


def test_a_run_without_maps_has_no_map_section(make_run):
    assert "<h2>Map</h2>" not in build_page(**make_run(layers=("surface",)))


@pytest.mark.parametrize(
    "systems",
    [[("mlp", "transfer"), ("boosted_trees", "both")], [("mlp", "source")], [("lstm", "target"), ("coarse", "none")]],
)
def test_one_layer_one_network_one_scenario_make_a_page(make_run, systems):
    run = make_run(layers=("surface",), systems=systems)
    reader = read(build_page(**run))
    assert len(reader.pictures) == 2
    assert "subsurface" not in " ".join(reader.text).split("How to reproduce it")[0]


def test_station_names_are_text_and_never_markup(make_run):
    page = build_page(**make_run(stations=("<script>alert(1)</script>", "R&D", "hill"), layers=("surface",)))
    read(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "R&amp;D" in page


def test_what_ran_is_told(make_run):
    text = " ".join(" ".join(read(build_page(**make_run(layers=("surface",)))).text).split())
    assert "4 stations, 160 station-days scored" in text
    assert "2021-01-01 to 2021-02-09" in text
    assert "1 station, 7,000 station-days" in text
    assert "Seed 42" in text


def test_the_configuration_on_the_page_makes_the_run_again(make_run):
    run = make_run()
    text = "".join(read(build_page(**run)).text)
    start = text.index('{\n "acquire"')
    config, _ = json.JSONDecoder().raw_decode(text[start:])
    assert load_config(config) == {
        key: value for key, value in run["values"].items() if key not in ("threads", "systems")
    }


def test_code_versions_come_from_the_records_beside_the_products(make_run, tmp_path):
    product, other = tmp_path / "metrics.csv", tmp_path / "unrecorded.csv"
    product.write_text("a\n")
    other.write_text("a\n")
    write_provenance([product], [], rule="score_predictions", code="feedfacecafebeef", values={"seed": 1})
    run = make_run(layers=("surface",))
    run["products"] = [product, other]
    text = " ".join(read(build_page(**run)).text)
    assert "feedfacecafebeef" in text
    assert "score_predictions" in text
    assert "unrecorded.csv" not in text


def test_the_same_run_gives_the_same_page(make_run):
    assert build_page(**make_run(layers=("surface",))) == build_page(**make_run(layers=("surface",)))


def test_a_synthetic_world_is_said_before_the_scores_and_nobody_is_credited(make_run):
    page = build_page(**make_run())
    text = text_of(page)
    assert text.index("This world is synthetic") < text.index("Key finding")
    assert "Copernicus" not in text and "loam itself made" in text


def test_members_that_stopped_early_are_in_the_report(make_run):
    run = make_run()
    assert "optimiser steps" not in text_of(build_page(**run))
    for card in run["cards"]:
        card["training"] |= {"batch_size": 1000}
    text = text_of(build_page(**run))
    assert text.index("Networks that hardly trained") < text.index("Key finding")
    assert "creek (41), hill (84), plain (129), ridge (176)" in text and "lower training.batch_size (now 1000)" in text


def test_the_script_reads_files_and_writes_the_page(make_run, day, tmp_path):
    run = make_run(layers=("surface",))
    folder = tmp_path / "report"
    paths = {"page": folder / "index.html", "text": folder / "summary.txt"}
    paths |= {"maps": [day / "soil_moisture.png", day / "trust.tif", day / "score.csv"]}
    paths |= {"manifests": [], "cards": []}
    paths["checked"] = [tmp_path / "source" / "qc_report.csv"]
    paths["checked"][0].parent.mkdir()
    write_table(lossy_report(), paths["checked"][0], QC_REPORT)
    run["predictions"] = run["predictions"].assign(dissimilarity=0.5, inside_area=1.0)
    for name in ("predictions", "metrics", "summary", "folds", "dropped"):
        paths[name] = tmp_path / (name + (".parquet" if name == "predictions" else ".csv"))
        write_table(run[name], paths[name])
    paths["accuracy"] = tmp_path / "accuracy.csv"
    run["values"]["mapping"] |= {"model": "lstm", "scenario": "transfer"}
    run["values"]["systems"] = map_systems(run["values"])
    describe_accuracy.stage(paths, run["values"] | {"protocol": "leave_one_station_out"})
    paths["maps"].append(paths["accuracy"])
    for place, card in enumerate(run["cards"]):
        paths["cards"].append(tmp_path / f"card{place}.json")
        paths["cards"][-1].write_text(json.dumps(card))
    build_report.stage(paths, run["values"])
    assert len(read(paths["page"].read_text(encoding="utf-8")).pictures) == 3
    assert "source hill days of surface 12 of 60 20.0 % frozen 20%" in text_of(
        paths["page"].read_text(encoding="utf-8")
    )
    text = paths["text"].read_text(encoding="utf-8")
    assert "surface, 0–30 cm: at a place without a probe expect ±" in text
    best = run["summary"].query("metric == 'rmse'")["median"].min()
    assert f"{best:8.3f}" in text
    assert "Map of 2022-08-15: 75.0 % of the pixels within the range of the training data" in text
    assert text.count("trust.tif") == 0 and "soil_moisture.png" in text
    assert all(str(paths[name]) in text for name in ("summary", "predictions", "page"))


def test_report_runs_without_torch(project):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import loam.report.figures, loam.report.finding, loam.report.names, loam.report.page\n"
        "import loam.report.page_tables, loam.report.summary_lines, loam.mapping.trust\n"
        "sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    library = str(project / "workflow" / "lib")
    assert subprocess.run([sys.executable, "-c", code, library], check=False).returncode == 0
