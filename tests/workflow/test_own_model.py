"""Two models of one's own, as docs/how-to/add-a-model.md prints them, from a table to scores without another change."""

import json

import pandas as pd
from pages import changed_files, fresh_clone, labelled_files, printed_commands, succeed


def test_the_page_s_models_run_as_printed(project, tmp_path):
    clone = fresh_clone(project, tmp_path / "loam")
    page = (project / "docs/how-to/add-a-model.md").read_text(encoding="utf-8")
    files = labelled_files(page)
    assert set(files) == {"my_models/day_convolution.py", "my_models/step_lstm.py", "my_models/run.yaml"}
    for name, text in files.items():
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(text, encoding="utf-8")
    succeed(printed_commands(page), clone)
    results = clone / "results" / "my_models"
    predictions = pd.read_parquet(results / "predictions.parquet")
    for model in ("day_convolution", "step_lstm"):
        own = predictions[predictions["model"] == model]
        assert set(own["scenario"]) == {"transfer"}
        assert own["station"].nunique() == 5
        assert own["predicted"].between(0, 1).all() and own["output"].notna().all()
    card = json.loads((results / "models/source/step_lstm/card.json").read_text(encoding="utf-8"))
    assert card["network"] == {"units": 8, "dropout": 0.2}
    assert card["training"]["learning_rate"] == 3e-3 and card["training"]["loss"] == "rmse"
    assert "day_convolution" in (results / "report" / "index.html").read_text(encoding="utf-8")
    assert all(line.split()[-1].startswith("my_") for line in changed_files(clone)), "no other file is touched"
