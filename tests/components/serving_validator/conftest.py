"""Small models of every kind of request, real records, and a server that starts at once."""

import json

import numpy as np
import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from lifelong.components.serving_validator import validation
from lifelong.components.serving_validator.executor import Executor
from lifelong.models.config import ExportConfig
from lifelong.models.export import export_model
from lifelong.serving.server.server import ModelServer
from tests.sample_models import RECORDS, spread_model
from tests.sample_records import DAY, START, write_records
from tests.sample_statistics import random_statistics


def in_order(record, rng):
    """Returns a record whose events are ordered and distinct, as ingestion writes them."""
    days = np.sort(rng.choice(90, len(record["history_item"]), replace=False))
    times = START + DAY * days
    return record | {
        "history_timestamp": times,
        "request_events": np.searchsorted(times, record["request_timestamp"]),
    }


@pytest.fixture(scope="session")
def records():
    rng = np.random.default_rng(3)
    return [in_order(record, rng) for record in RECORDS]


@pytest.fixture(scope="session")
def examples(records, tmp_path_factory):
    """Raw records as an artifact with a split `eval`, and one `empty`."""
    folder = tmp_path_factory.mktemp("examples")
    for split, content in (("eval", records), ("empty", [])):
        (folder / f"Split-{split}").mkdir()
        write_records(content, folder / f"Split-{split}" / "data.gz")
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.split_names = json.dumps(["eval", "empty"])
    return artifact


@pytest.fixture(scope="session")
def export(transform_output, tmp_path_factory):
    """Exports a model and returns its artifact."""

    def write(model, **options):
        artifact = standard_artifacts.Model()
        artifact.uri = str(tmp_path_factory.mktemp("model"))
        path = path_utils.serving_model_dir(artifact.uri)
        statistics = random_statistics(time=START)
        export_model(model, transform_output, path, ExportConfig(**options), statistics)
        return artifact

    return write


@pytest.fixture(scope="session")
def sim_hard(export, transform_output):
    """A model that takes histories, and events that were searched in a store; all is counted."""
    model = spread_model("sim_hard", transform_output, evidence_length=14, statistics=True)
    return export(model)


@pytest.fixture(scope="session")
def plain(export, transform_output):
    """A model without a long-term part, the quickest to load."""
    return export(spread_model("none", transform_output))


class ServerAtOnce:
    """In place of `ServerProcess`: the same server in this process."""

    def __init__(self, model_name, folder, log, flags=()):
        assert not flags
        self._versions = folder
        self._server = ModelServer.of_model(
            model_name, str(folder), poll_interval_s=0.05, max_load_retries=0
        )

    def add(self, version, model_path):
        (self._versions / str(version)).symlink_to(model_path)

    def wait_until_listening(self, timeout_s):
        return self._server.address

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *error):
        self._server.stop()


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(validation, "ServerProcess", ServerAtOnce)


@pytest.fixture
def bless(examples, tmp_path):
    """Runs the executor and returns the blessing."""

    def run(model, config, split="eval", blessing=None, findings_folder=""):
        if blessing is None:
            blessing = standard_artifacts.InfraBlessing()
            blessing.uri = str(tmp_path / "blessing")
        Executor().Do(
            {"model": [model], "examples": [examples]},
            {"blessing": [blessing]},
            {
                "config": config.to_json(),
                "model_name": "shop",
                "split": split,
                "findings_folder": findings_folder or str(tmp_path / "findings"),
            },
        )
        return blessing

    return run
