"""What a wheel of the package holds."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# As setup.py names them.
FOLDERS = ast.literal_eval(
    re.search(r"^FOLDERS = (\(.*?\))$", (ROOT / "setup.py").read_text(), re.DOTALL | re.MULTILINE)[
        1
    ]
)
BUILD = "from setuptools import build_meta; build_meta.build_wheel('wheels')"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of a copy of the source, in which building leaves its files."""
    folder = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "lifelong_artifacts.py"):
        shutil.copy(ROOT / name, folder)
    (folder / "wheels").mkdir()
    built = subprocess.run(
        [sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    (path,) = (folder / "wheels").iterdir()
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_part_says_that_it_has_types(wheel, folder):
    assert f"lifelong/{folder}/py.typed" in wheel.namelist()


def test_the_namespace_is_left_to_others(wheel):
    """No `lifelong/__init__.py`, and nothing at the top but the namespace and the artifact types."""
    tops = {name.split("/")[0] for name in wheel.namelist() if ".dist-info" not in name}
    assert tops == {"lifelong", "lifelong_artifacts.py"}
    assert "lifelong/__init__.py" not in wheel.namelist()


def test_it_tells_its_licence(wheel):
    (told,) = (name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    assert Parser().parsestr(wheel.read(told).decode())["License"] == "Apache-2.0"
    (text,) = (name for name in wheel.namelist() if name.endswith("LICENSE"))
    assert wheel.read(text) == (ROOT / "LICENSE").read_bytes()
