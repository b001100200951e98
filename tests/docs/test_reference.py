import importlib.util


def test_the_config_page_is_what_the_schema_gives(project):
    spec = importlib.util.spec_from_file_location("generate_reference", project / "docs" / "generate_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (project / "docs" / "reference" / "config.md").read_text(encoding="utf-8")
    assert page == module.reference(), "run: python docs/generate_reference.py"
