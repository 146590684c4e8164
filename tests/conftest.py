"""Environment of all tests, set before anything imports TensorFlow, and shared fixtures."""

import os

import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# Several workers, and the processes that they start, fill the cores as they are.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if IS_WORKER:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Gives workers files with slow tests first: begun last, they would leave the others idle."""
    if not IS_WORKER:
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
