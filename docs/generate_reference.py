"""Write the generated pages: config/config.yaml and docs/reference/config.md from the models of the configuration,
models.md from the models' files, datasets.md from datasets.yaml, and the tables of covariates.md from variables.yaml.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "lib"), str(ROOT / "docs")]

from default_config import written  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

from loam.acquire.catalogue import catalogue  # noqa: E402
from loam.config.kinds import default_of, fields_of, kind_of, leaves  # noqa: E402
from loam.config.models import describe_model, network_names  # noqa: E402
from loam.config.recipes import RECIPES  # noqa: E402
from loam.config.run import Run  # noqa: E402
from loam.config.wrong import as_yaml  # noqa: E402
from loam.units import shown  # noqa: E402
from loam.variables import Variable, kinds, variables  # noqa: E402

DEFAULTS = ROOT / "config" / "config.yaml"
PAGE = ROOT / "docs" / "reference" / "config.md"
DATASETS = ROOT / "workflow" / "lib" / "loam" / "acquire" / "datasets.yaml"
DATASETS_PAGE = ROOT / "docs" / "reference" / "datasets.md"
COVARIATES_PAGE = ROOT / "docs" / "reference" / "covariates.md"
HEAD = "| covariate | unit | from | how |\n"  # of the page's first table, which ends with an empty line
RANGES, AFTER_RANGES = "## What is possible\n", "## Files\n"  # headings of the page between which the second stands
MODELS = ROOT / "workflow" / "lib" / "loam" / "models"
MODELS_PAGE = ROOT / "docs" / "reference" / "models.md"
BACK_ENDS = ("earthengine", "direct", "local", "sandbox")


def reference() -> str:
    lines = [
        "# Configuration",
        "",
        "Every key, what it takes, its value in the default run (`config/config.yaml`) and what it does. This page is",
        "generated from the models in `loam.config.sections` by `python docs/generate_reference.py`; any other key is",
        "an error.",
        "",
    ]
    for name, field in fields_of(Run).items():
        kind = kind_of(field)
        within = kind.item if kind.item and kind.item.section else kind
        below = "[]." if within is kind.item else "."
        rows = [f"| `{name}` {_cells(field)}"]
        if within.section:
            rows = [f"| `{name}{below}{key}` {_cells(inner)}" for key, inner in leaves(within.section)]
        lines += [f"## {name}", "", field.description, ""]
        lines += ["| key | takes | default | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _cells(field: FieldInfo) -> str:
    kind = kind_of(field)
    within = kind.item if kind.item and kind.item.section else kind
    takes = _cell(kind.noun)
    if within.section:
        takes = {list: "a list of entries", dict: "names, each with keys"}.get(kind.base, "keys")
    elif kind.choices:
        takes = " \\| ".join(f"`{choice}`" for choice in kind.choices)
    elif kind.item is not None and kind.item.choices:
        takes = "a list of " + " \\| ".join(f"`{choice}`" for choice in kind.item.choices)
    default = None if within.section else default_of(field)
    shown = "" if default is None else f"`{as_yaml(default)}`"
    return f"| {takes}{' or null' if kind.null else ''} | {shown} | {field.description} |"


def datasets() -> str:
    entries = yaml.safe_load(DATASETS.read_text(encoding="utf-8"))
    lines = [
        "# Datasets",
        "",
        "What section `acquire` of the [configuration](config.md) can name: a dataset for each kind, and the back",
        "end that it comes from (`earthengine`: Google Earth Engine; `direct`: the provider's own server; `local`:",
        "files of your own). This page is generated from `workflow/lib/loam/acquire/datasets.yaml` by",
        "`python docs/generate_reference.py`.",
        "",
        "`latency` is the number of days after which a day is normally published, `final` after which it is no longer",
        "provisional. The same dataset from two back ends need not be the same numbers (Earth Engine warps some",
        "grids), so their files are kept apart.",
        "",
    ]
    for kind in kinds().values():
        rows = [_dataset_row(name, entry) for name, entry in entries.items() if entry["kind"] == kind.name]
        head = [
            "| dataset | title | back ends | version | latency, final (days) | variables |",
            "|---|---|---|---|---|---|",
        ]
        lines += [f"## {_title(kind.title)}", "", *head, *rows, ""]
    if choices := [row for name, entry in entries.items() for row in _choices(name, entry)]:
        lines += ["## Providers and catalogues", "", "| dataset | key | one of |", "|---|---|---|", *choices, ""]
    gaps = [
        f"| `{name}` | {gap['first']} | {gap['last']} | {_gap_effects[gap['effect']]} | {_cell(gap['reason'])} |"
        for name, entry in entries.items()
        for gap in entry.get("known_gaps", [])
    ]
    lines += [
        "## Known gaps", "", "Days that no run waits for or fails on.", "",
        "| dataset | first | last | what | why |", "|---|---|---|---|---|", *gaps, "",
    ]  # fmt: skip
    terms = [
        f"| `{name}` | {_cell(entry['licence'])} | {_cell(entry['citation'])} |" for name, entry in entries.items()
    ]
    lines += ["## Licences and citations", "", "| dataset | licence | citation |", "|---|---|---|", *terms, ""]
    return "\n".join(lines)


_gap_effects = {"missing": "no data", "model_only": "from a model alone, flagged `model_only`"}


def _dataset_row(name: str, entry: dict[str, Any]) -> str:
    back_ends = ", ".join(f"`{back_end}`" for back_end in BACK_ENDS if back_end in entry)
    latency = f"{entry['latency_days']}, {entry['final_days']}" if "latency_days" in entry else ""
    held = ", ".join(f"`{key}` ({item.units})" for key, item in catalogue()[name].variables.items())
    return f"| `{name}` | {_cell(entry['title'])} | {back_ends} | {_cell(entry['version'])} | {latency} | {held} |"


def _choices(name: str, entry: dict[str, Any]):
    """What `acquire.sentinel1.provider` and `acquire.sentinel2.catalogue` can be."""
    for key, several in (("provider", "providers"), ("catalogue", "catalogues")):
        if several in entry.get("direct", {}):
            names = ", ".join(f"`{item}`" for item in entry["direct"][several])
            yield f"| `{name}` | `{key}` (default `{entry['direct'][key]}`) | {names} |"


def covariates(page: str) -> str:
    """The page of covariates with its tables as ``loam.variables`` has them: what there is, and what is possible."""
    before, rest = page.split(HEAD)
    between, rest = rest[rest.index("\n\n") :].split(RANGES)
    made = [_covariate_row(item) for item in variables().values() if item.kind]
    before += HEAD + "\n".join(["|---|---|---|---|", *made]) + between
    lines = [
        "",
        "One declaration, `loam/variables.yaml`, which probes, tables, rasters, netCDF and providers' replies",
        "are held against. A number outside is missing where the file marks it so, else an error with file and row or",
        "pixel; of readings it is missing, with a warning that counts them. A code that lies inside (-99 m, 255 mm) is",
        "found by standing apart from all other values. The tables here are written by",
        "`python docs/generate_reference.py`.",
        "",
        "| variable | unit | possible | read from as well | because |",
        "|---|---|---|---|---|",
    ]
    same: dict[tuple[str, ...], list[str]] = {}
    for name, item in variables().items():
        if not item.classes:
            others = ", ".join(shown(unit) for unit in item.measured.others) or "-"
            possible = f"{item.low:g} to {item.high:g}"
            same.setdefault((item.units, possible, others, item.because or ""), []).append(f"`{name}`")
    lines += [f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in same.items()]
    return before + RANGES + "\n".join(lines) + "\n\n" + rest[rest.index(AFTER_RANGES) :]


def _covariate_row(item: Variable) -> str:
    names = f"`{item.name}`"
    if item.layers:
        names = f"`{item.name}_1` ... `{item.name}_{item.layers}`"
    how = item.how or ("mean over the pixel, 0-5, 5-15, 15-30, 30-60 cm" if item.layers else "")
    units = "" if item.classes else item.units
    return f"| {names} | {units} | {kinds()[str(item.kind)].title} | {item.title}{': ' * bool(how)}{how} |"


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]


def models() -> str:
    """The page of loam's models: what their files declare."""
    lines = [
        "# Models",
        "",
        "The models that `training.models` can name, and the settings that `training.<model>` can give",
        "each, with their defaults. Beside them there may stand, for that model alone, any choice of",
        "[the file of a model](../how-to/add-a-model.md#what-a-file-may-say), and `family`. This page is generated",
        "from `workflow/lib/loam/models` by `python docs/generate_reference.py`.",
        "",
    ]
    for name in network_names():
        settings, declared = describe_model(name)
        title = ast.get_docstring(ast.parse((MODELS / f"{name}.py").read_text(encoding="utf-8"))) or ""
        said = ", ".join(f"{key} {value}" for key, value in declared.items())
        lines += [f"## {name}", "", title, *(["", f"Declares: {said}."] if said else []), ""]
        lines += ["| setting | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{setting}` | `{as_yaml(about['default'])}` | {_cell(about['about'])} |"
            for setting, about in settings.items()
        ]
        lines.append("")
    lines += [
        "## Recipes",
        "",
        "`training.recipe` names which of these are trained where `training.models` is null. Each is a network",
        "with its choices made; a section `training.<model>` overrules any of them.",
        "",
    ]
    for recipe, made in RECIPES.items():
        for name, chosen in made.items():
            told = {key: value for key, value in chosen.items() if key != "network"}
            lines += [f"### {name}", "", f"Recipe `{recipe}`, network `{chosen['network']}`.", ""]
            if told:
                lines += ["| choice | value |", "|---|---|"]
                lines += [f"| `{key}` | `{as_yaml(value)}` |" for key, value in told.items()]
                lines.append("")
    return "\n".join(lines)


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("(docs/reference/local-files.md)", "([layout](local-files.md))")


if __name__ == "__main__":
    MODELS_PAGE.write_text(models(), encoding="utf-8")
    DEFAULTS.write_text(written(Run), encoding="utf-8")
    PAGE.write_text(reference(), encoding="utf-8")
    DATASETS_PAGE.write_text(datasets(), encoding="utf-8")
    COVARIATES_PAGE.write_text(covariates(COVARIATES_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
