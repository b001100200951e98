import pytest

from loam.config.files import check_config_files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"run: a\ntraining: {epochs: 1\nlayers: x\n", "line 3, column 7: no YAML"),
        (b"run: a\n\ttraining: 1\n", "line 2, column 1: no YAML"),
        (b"run: M\xfcller\n", "no UTF-8 text at byte 6"),
        (b"run: a\x07\n", "no YAML"),
        (b"- a\n- b\n", "holds a list; expected keys"),
        (
            b"training: {epochs: 1}\nrun: a\ntraining: {epochs: 2}\n",
            "line 3: key 'training' is there twice, first in line 1",
        ),
        (b"acquire:\n  period: {target: [2020-13-01, 2021-01-01]}\n", "line 2: '2020-13-01' is not a day that exists"),
        (b"mapping: {dates: [2022-02-30]}\n", "line 1: '2022-02-30' is not a day that exists; expected year-month-day"),
    ],
)
@pytest.mark.parametrize("option", ["--configfile", "--configfiles"])
def test_a_file_that_is_no_config_is_named_with_its_line(tmp_path, content, words, option):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as end:
        check_config_files(["--cores", "1", option, str(path)])
    assert str(end.value).startswith(f"ERROR {path}: ") and words in str(end.value)
    assert "\n" not in str(end.value)


def test_a_missing_file_and_a_target_after_the_option_are_named(tmp_path):
    good = tmp_path / "good.yaml"
    good.write_text("run: a\n")
    check_config_files(["all", f"--configfile={good}", "--cores", "1"])
    check_config_files(["all"])
    with pytest.raises(SystemExit, match="ERROR results/a/folds.csv: no such config file"):
        check_config_files(["--configfile", str(good), "results/a/folds.csv"])
