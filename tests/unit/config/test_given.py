"""Files that a run is given: what is not there is gathered, and said in one block."""

from loam.config.given import Given, block


def test_what_is_there_or_made_by_a_rule_is_read_and_the_rest_is_gathered(tmp_path):
    (tmp_path / "sites.csv").touch()
    there, gone = str(tmp_path / "sites.csv"), str(tmp_path / "top.csv")
    given = Given(planning=True)
    paths = [there, "results/a.csv", "resources/b.nc", gone]
    assert given.there(paths, "a table") == [there, "results/a.csv", "resources/b.nc"]
    assert given.missing == {gone: "a table"}


def test_one_path_stays_one(tmp_path):
    (tmp_path / "sites.csv").touch()
    given = Given(planning=True)
    assert given.there(str(tmp_path / "sites.csv"), "") == str(tmp_path / "sites.csv")
    assert given.there("gone.csv", "") == [] and "gone.csv" in given.missing


def test_each_path_can_be_described_by_itself():
    given = Given(planning=True)
    assert given.there(["a.zip", "b.csv"], {"a.zip": "a download"}) == []
    lines = given.lines({"data_dir": "data"})
    assert lines == ["a.zip: is not there (a download)", "b.csv: is not there"]


def test_the_folder_of_data_is_named_where_files_of_it_lack():
    given = Given(planning=True)
    given.there(["elsewhere/a/x.csv"], "")
    *files, hint = given.lines({"data_dir": "elsewhere/a"})
    assert len(files) == 1 and "data_dir is 'elsewhere/a'" in hint
    assert "config/config.yaml, needs no data" in hint


def test_the_process_of_a_job_leaves_no_file_out():
    given = Given(planning=False)
    assert given.there(["gone.csv"], "") == ["gone.csv"] and given.missing == {}


def test_one_thing_is_one_line_and_more_stand_below_a_heading():
    assert block("mine", ["a: is not there"]) == "a: is not there"
    assert block("mine", ["a", "b"]) == "run 'mine' cannot start yet; it lacks:\n  a\n  b"
