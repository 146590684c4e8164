"""The names that Kubeflow and Vertex find the artifact types by."""

import inspect
import re
import subprocess
import sys

import pytest
from tfx import types
from tfx.utils import import_utils

import lifelong_artifacts

TYPES = [
    kind
    for _, kind in inspect.getmembers(lifelong_artifacts, inspect.isclass)
    if issubclass(kind, types.Artifact)
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_a_type_is_found_by_its_name(kind):
    # As Kubeflow demands.
    assert re.fullmatch(r"[a-z][a-z0-9-_]{2,20}[.][A-Z][a-zA-Z0-9-_]{2,49}", kind.TYPE_NAME)
    assert import_utils.import_class_by_path(kind.TYPE_NAME) is kind


def test_all_are_there():
    assert len(TYPES) == 7


def test_they_are_installed_with_the_package(tmp_path):
    """A task imports them, wherever it starts."""
    subprocess.run([sys.executable, "-c", "import lifelong_artifacts"], cwd=tmp_path, check=True)
