import importlib.util

import pytest


@pytest.fixture
def generator(project):
    spec = importlib.util.spec_from_file_location("generate_reference", project / "docs" / "generate_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_default_config_is_the_models_defaults_with_their_comments(project, generator):
    text = (project / "config" / "config.yaml").read_text(encoding="utf-8")
    assert text == generator.written(generator.Run), "run: python docs/generate_reference.py"
    assert "  batch_size: 128               # Rows a step\n" in text
    assert max(len(line) for line in text.splitlines()) <= 120


def test_the_config_page_is_what_the_models_give(project, generator):
    page = (project / "docs" / "reference" / "config.md").read_text(encoding="utf-8")
    assert page == generator.reference(), "run: python docs/generate_reference.py"


def test_the_models_page_is_what_their_files_declare(project, generator):
    page = (project / "docs" / "reference" / "models.md").read_text(encoding="utf-8")
    assert page == generator.models(), "run: python docs/generate_reference.py"
    assert "| `units` | `64` | units a direction |" in page


def test_the_datasets_page_is_what_the_catalogue_gives(project, generator):
    page = (project / "docs" / "reference" / "datasets.md").read_text(encoding="utf-8")
    assert page == generator.datasets(), "run: python docs/generate_reference.py"


def test_the_page_of_covariates_says_what_is_possible_as_the_program_holds_it(project, generator):
    page = (project / "docs" / "reference" / "covariates.md").read_text(encoding="utf-8")
    assert page == generator.covariates(page), "run: python docs/generate_reference.py"
    assert "`tmin`, `tmax`" in page
    assert "| `modis_ndvi` | 1 | -0.2 to 1 | % | the product is valid from -2000 to 10000 |" in page


def test_every_dataset_is_on_the_page_with_its_licence_and_citation(generator):
    from loam.acquire.catalogue import catalogue

    page = generator.datasets()
    for name, entry in catalogue().items():
        assert page.count(f"| `{name}` |") >= 2, name
        assert entry.licence in page and entry.citation in page
