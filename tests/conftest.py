"""Environment of all tests, set before anything imports TensorFlow, and shared fixtures."""

import os

import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture(scope="session")
def transform_output(tmp_path_factory):
    """Transform's output on small records."""
    from tests.sample_models import run_transform

    return run_transform(tmp_path_factory.mktemp("transform"))


@pytest.fixture
def write_log(tmp_path):
    """Writes rows (dictionaries) to a file whose suffix names the format."""
    from tests import log_files

    return lambda name, rows: log_files.write_log(tmp_path / name, rows)
