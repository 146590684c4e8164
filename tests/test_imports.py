"""Imports point one way: commands -> explain -> report -> experiments -> pipeline -> components -> models, serving -> data."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What a folder may import of ours, besides itself.
BELOW = {
    "data": set(),
    "models": {"data"},
    "serving": {"data"},
    "components": {"data", "models", "serving"},
    "pipeline": {"data", "models", "serving", "components"},
    "experiments": {"data", "models", "serving", "components", "pipeline"},
    "report": {"data", "models", "serving", "components", "pipeline", "experiments"},
    "explain": {"data", "models", "serving", "components", "pipeline", "report"},
    "commands": {
        "data",
        "models",
        "serving",
        "components",
        "pipeline",
        "experiments",
        "report",
        "explain",
    },
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


@pytest.mark.parametrize("folder", BELOW)
def test_a_folder_imports_only_what_lies_below_it(folder):
    for path in modules(folder):
        for name in imported(path):
            parts = name.split(".")
            assert parts[0] not in BELOW, f"{path} imports the plain name {name}"
            if parts[0] == "lifelong":
                assert parts[1] in BELOW[folder] | {folder}, f"{path} imports {name}"


@pytest.mark.parametrize("folder", ["data", "models/layers", "serving"])
def test_no_pipeline_is_needed_to_read_logs_to_use_layers_or_to_serve(folder):
    for path in modules(folder):
        assert not {name.split(".")[0] for name in imported(path)} & HEAVY, path


def test_the_ground_floor_needs_no_tensorflow():
    for path in modules("data"):
        assert "tensorflow" not in {name.split(".")[0] for name in imported(path)}, path


def loaded_with(path, known):
    """Modules of ours that are loaded when a file is: not those in functions, nor those for types."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inner & known or {node.module} & known


def test_no_modules_import_each_other_in_a_circle():
    paths = {
        ".".join(("lifelong", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for folder in BELOW
        for path in modules(folder)
    }
    graph = {name: set(loaded_with(path, paths.keys())) for name, path in paths.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


def test_helpers_of_tests_are_found_whatever_else_is_called_tests():
    """Benchmarks use them, and IPython, which TFX loads, adds a folder with a package `tests`."""
    code = "import IPython, tests.redis_server"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
