"""Imports point one way: pipeline -> components -> models, serving."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "pipeline": {"pipeline", "components", "models", "serving"},
    "components": {"components", "models", "serving"},
    "models": {"models"},
    "serving": {"serving"},
}
HEAVY = {"tfx", "apache_beam", "tensorflow_recommenders", "tensorflow_transform"}


def imported(path):
    """Full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"


def modules(folder):
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_lies_below_it(folder):
    for path in modules(folder):
        for name in imported(path):
            parts = name.split(".")
            assert parts[0] not in ALLOWED, f"{path} imports the plain name {name}"
            if parts[0] == "lifelong":
                assert parts[1] in ALLOWED[folder], f"{path} imports {name}"


@pytest.mark.parametrize("folder", ["models/layers", "serving"])
def test_layers_and_serving_need_tensorflow_alone(folder):
    for path in modules(folder):
        assert not {name.split(".")[0] for name in imported(path)} & HEAVY, path
