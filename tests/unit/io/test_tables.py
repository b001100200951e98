import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loam.errors import TableError
from loam.io.tables import export_table, read_table, write_table

NAME = pandera.Column(str, pandera.Check.str_length(min_value=1), coerce=True)
FOLDS = pandera.DataFrameSchema(
    {"fold": pandera.Column(int, pandera.Check.ge(1), unique=True), "test_station": NAME, "validation_station": NAME},
    strict=True,
)
folds = pd.DataFrame({"fold": [1, 2], "test_station": ["a", "b"], "validation_station": ["b", "a"]})


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_comes_back_as_written(tmp_path, name):
    write_table(folds, tmp_path / name, FOLDS)
    pd.testing.assert_frame_equal(read_table(tmp_path / name, FOLDS), folds)


def test_a_table_that_does_not_fit_is_not_written(tmp_path):
    with pytest.raises(TableError, match=r"t\.csv: fold: .* fails for 0 in row 1"):
        write_table(folds.assign(fold=[1, 0]), tmp_path / "t.csv", FOLDS)
    assert not (tmp_path / "t.csv").exists()


def test_missing_column_is_named(tmp_path):
    folds.drop(columns="test_station").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(TableError, match="test_station"):
        read_table(tmp_path / "t.csv", FOLDS)


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x00not a table"])
def test_a_file_that_is_no_table_is_a_table_error(tmp_path, content):
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TableError, match=r"t\.parquet: cannot be read as a table"):
        read_table(tmp_path / "t.parquet")


def test_missing_file_is_a_table_error(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_table(tmp_path / "none.csv")


def test_names_of_stations_stay_text(tmp_path):
    named = folds.assign(test_station=["03048", "NA"], validation_station=["NA", "03048"])
    write_table(named, tmp_path / "t.csv", FOLDS)
    assert read_table(tmp_path / "t.csv", FOLDS)["test_station"].tolist() == ["03048", "NA"]


def test_an_empty_name_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("fold,test_station,validation_station\n1,,b\n")
    with pytest.raises(TableError, match="test_station"):
        read_table(tmp_path / "t.csv", FOLDS)


FORMULAS = ["=cmd|'/C calc'!A0", "+1", "-2+3", "@x", "\tx", "＝1", "'=1", "''+1"]
PLAIN = ["'quoted'", "a=b", "'", "x-1", "03048"]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_name_that_a_spreadsheet_would_run_comes_back_as_it_was(tmp_path, name):
    stations = FORMULAS + PLAIN
    table = folds.iloc[[0] * len(stations)].assign(fold=range(1, len(stations) + 1), test_station=stations)
    table = table.assign(validation_station=stations[::-1]).reset_index(drop=True)
    write_table(table, tmp_path / name, FOLDS)
    pd.testing.assert_frame_equal(read_table(tmp_path / name, FOLDS), table)


def test_no_text_of_a_csv_begins_like_a_formula_and_numbers_keep_their_sign(tmp_path):
    texts = FORMULAS + PLAIN
    table = pd.DataFrame({"=name": texts, "bias": [-0.5] * len(texts), "note": pd.Categorical(texts)})
    write_table(table, tmp_path / "t.csv")
    raw = pd.read_csv(tmp_path / "t.csv", dtype=str)
    assert list(raw.columns) == ["'=name", "bias", "note"]
    for column in ("'=name", "note"):
        assert not raw[column].str.match(r"[=+\-@\t\r\n＝＋－＠]").any()
        assert raw[column].tolist()[len(FORMULAS) :] == PLAIN
    assert (raw["bias"] == "-0.5").all()
    again = read_table(tmp_path / "t.csv")
    assert again["=name"].tolist() == texts and again["note"].tolist() == texts


def test_numbers_among_texts_and_negative_ones_are_never_behind_an_apostrophe(tmp_path):
    table = pd.DataFrame({"mixed": pd.Series([-3.5, "=1", -2, "a"], dtype=object), "n": [-1, -2, -3, -4]})
    write_table(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "mixed,n\n-3.5,-1\n'=1,-2\n-2,-3\na,-4\n"


@pytest.mark.parametrize("schema", [None, FOLDS])
def test_an_apostrophe_in_a_table_that_others_have_written_is_part_of_the_text(tmp_path, schema):
    texts = ["'-Hill", "'s-Gravenhage", "'=1"]
    rows = "".join(f"{number},{text},{texts[number - 2]}\n" for number, text in enumerate(texts, start=1))
    (tmp_path / "t.csv").write_text("fold,test_station,validation_station\n" + rows)
    assert read_table(tmp_path / "t.csv", schema, foreign=True)["test_station"].tolist() == texts
    assert read_table(tmp_path / "t.csv", schema)["test_station"].tolist() == ["-Hill", "'s-Gravenhage", "=1"]


def test_missing_cells_stay_missing(tmp_path):
    write_table(pd.DataFrame({"name": ["=1", None], "n": [1, 2]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "name,n\n'=1,1\n,2\n"


@pytest.mark.parametrize("rows", ["0.3,a,b\n4,a,b,\n", "0,3,a,b\n0,4,a,b\n", "3,a,b\n4,a,x,b\n"])
def test_rows_with_more_cells_than_the_header_are_refused(tmp_path, rows):
    (tmp_path / "t.csv").write_text("fold,test_station,validation_station\n" + rows)
    with pytest.raises(TableError, match="t.csv: "):
        read_table(tmp_path / "t.csv", FOLDS)


def test_a_comma_at_the_end_of_each_row_moves_nothing(tmp_path):
    (tmp_path / "t.csv").write_text("fold,test_station,validation_station\n3,a,b,\n4,b,a,\n")
    assert read_table(tmp_path / "t.csv", FOLDS)["fold"].tolist() == [3, 4]


@pytest.mark.parametrize("cell", [["a"], {"b": "a"}])
def test_a_column_of_nested_values_is_named(tmp_path, cell):
    pd.DataFrame({"fold": [1], "test_station": [cell], "validation_station": ["b"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="t.parquet: column 'test_station' holds .*unnest"):
        read_table(tmp_path / "t.parquet", FOLDS)


def test_bytes_are_texts_in_utf_8_or_an_error(tmp_path):
    path = tmp_path / "t.parquet"
    folds.assign(test_station=["Höhe".encode(), b"b"]).to_parquet(path)
    assert read_table(path, FOLDS)["test_station"].tolist() == ["Höhe", "b"]
    folds.assign(test_station=[b"\xff", b"b"]).to_parquet(path)
    with pytest.raises(TableError, match="t.parquet: cannot be read as a table"):
        read_table(path, FOLDS)


def test_a_column_that_is_there_twice_is_named(tmp_path):
    table = pa.table([[1], ["a"], ["b"], ["c"]], names=["fold", "test_station", "test_station", "validation_station"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(TableError, match="column 'test_station' is there twice"):
        read_table(tmp_path / "t.parquet", FOLDS)


def people(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_a_table_is_exported_piece_by_piece_with_days_nine_digits_and_safe_texts(tmp_path):
    frame = pd.DataFrame(
        {
            "station": ["03048", "=cmd|' /C calc'!A0", "creek, north", None],
            "date": pd.to_datetime(["2022-08-15", "2022-08-16", "2022-08-17", None]),
            "moisture": np.array([0.1, 1 / 3, np.nan, 0.25], np.float32),
            "latitude": [-41.123456, -42.5, -43.0, -43.25],
            "n": [1, 2, 3, 4],
        }
    )
    frame.to_parquet(tmp_path / "table.parquet", row_group_size=2)
    assert export_table(tmp_path / "table.parquet", tmp_path / "table.csv", rows=1) == 4
    assert people(tmp_path / "table.csv") == [
        "station,date,moisture,latitude,n", "03048,2022-08-15,0.100000001,-41.123456,1",
        "'=cmd|' /C calc'!A0,2022-08-16,0.333333343,-42.5,2", '"creek, north",2022-08-17,,-43,3', ",,0.25,-43.25,4",
    ]  # fmt: skip
    assert export_table(tmp_path / "table.parquet", tmp_path / "whole.csv") == 4
    assert people(tmp_path / "whole.csv") == people(tmp_path / "table.csv")


def test_an_exported_table_without_rows_still_names_its_columns(tmp_path):
    pd.DataFrame({"station": pd.Series(dtype=str), "moisture": pd.Series(dtype=float)}).to_parquet(
        tmp_path / "table.parquet"
    )
    assert export_table(tmp_path / "table.parquet", tmp_path / "table.csv") == 0
    assert people(tmp_path / "table.csv") == ["station,moisture"]


def test_what_is_no_table_is_exported_as_nothing(tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"no table")
    with pytest.raises(TableError, match="table.parquet"):
        export_table(tmp_path / "table.parquet", tmp_path / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]
