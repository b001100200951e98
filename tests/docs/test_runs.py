"""Every run of the project and its docs has a name of its own, so that none overwrites the results of another."""

import re

import yaml
from pages import blocks

PAGES = ("docs/how-to", "docs/tutorial", "docs/sandbox.md", "README.md")


def pages(project):
    for place in PAGES:
        path = project / place
        yield from sorted(path.glob("*.md")) if path.is_dir() else [path]


def test_each_run_of_configs_and_pages_has_a_name_of_its_own(project):
    files = (project / "config").glob("*.yaml")
    configs = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}
    named = {name: config["run"] for name, config in configs.items() if "run" in config}  # an overlay has none
    for page in pages(project):
        for number, block in enumerate(blocks(page.read_text(encoding="utf-8"), "yaml")):
            if run := next(iter(re.findall(r"^run: (\w+)", block, flags=re.M)), None):
                named[f"{page.name}, block {number}"] = run
    assert {"config.yaml": "sandbox", "demo.yaml": "demo"}.items() <= named.items()
    assert len(named) > len(configs) + 2 and len(set(named.values())) == len(named), named


def test_the_page_of_a_table_prints_the_config_that_the_tests_run(project):
    page = (project / "docs/how-to/bring-your-own-table.md").read_text(encoding="utf-8")
    assert (project / "docs/how-to/bring-your-own-table.yaml").read_text(encoding="utf-8") in blocks(page, "yaml")


def test_make_demo_shows_the_summary_of_the_run_that_it_makes(project):
    run = yaml.safe_load((project / "config/demo.yaml").read_text(encoding="utf-8"))["run"]
    recipe = (project / "Makefile").read_text(encoding="utf-8").split("\ndemo:")[1].split("\n\n")[0]
    assert "--configfile config/demo.yaml" in recipe and f"results/{run}/report/summary.txt" in recipe
