"""The whole pipeline from a behaviour log alone, as a user runs it from the command line."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
import tensorflow as tf
from nbclient import NotebookClient
from tfx.utils import path_utils

from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.run_record import read_last_run
from lifelong.serving.behavior_store import open_store
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.warmup import warm_up
from tests.end_to_end import sample_logs
from tests.end_to_end.command import lifelong
from tests.stock_tensorflow import stock_scores

pytestmark = pytest.mark.slow

ALL_BUT_EVALUATOR_AND_PUSHER = {
    "DayStatisticsBuilder",
    "BehaviorExampleGen",
    "StatisticsGen",
    "ImportSchemaGen",
    "ExampleValidator",
    "VocabularyBuilder",
    "Transform",
    "Trainer",
    "SignatureBaker",
    "ServingValidator",
    "BehaviorTreeBuilder",
    "BehaviorStorePusher",
}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return Workdir(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def run_flags(workdir):
    log = workdir.root / "log.csv"
    sample_logs.write_behavior_csv(sample_logs.make_baskets(users=40), log)
    return sample_logs.flags(
        {
            "workdir": workdir.root,
            "data.behaviors.files": log,
            "data.requests.min_history": 20,
            "data.requests.negatives": 6,
            "model.long_term": "eta",
        },
        sample_logs.SPLITS,
        sample_logs.SMALL_MODEL,
    )


@pytest.fixture(scope="module")
def first_run(workdir, run_flags):
    output = lifelong("run", *run_flags)
    return output, read_last_run(workdir.metadata)


def pushed_versions(workdir):
    return sorted(
        path.name
        for path in Path(workdir.places(Config(name="lifelong")).serving_folder).glob("[0-9]*")
    )


def test_the_first_run_executes_everything_and_pushes(first_run, workdir):
    output, record = first_run
    assert ALL_BUT_EVALUATOR_AND_PUSHER | {"Evaluator", "Pusher"} <= set(record.executed)
    assert "Blessed" in output
    assert len(pushed_versions(workdir)) == 1


def test_the_pushed_model_is_warmed_up_with_real_requests(first_run, workdir):
    output, record = first_run
    noted = record.properties["ServingValidator", "blessing"]
    assert noted["largest_score_difference"] <= 1e-5
    assert f"{noted['warmup_requests']} warm-up requests go with the model" in output
    (version,) = pushed_versions(workdir)
    pushed = Path(workdir.places(Config(name="lifelong")).serving_folder) / version
    # data_contract; three lengths, and batches of 2, 4 and 8, of serving_default and search, with and
    # without statistics.
    assert warm_up(LoadedModel(str(pushed), 1)) == noted["warmup_requests"] == 25
    assert (pushed / "batching_params.pbtxt").exists()


def test_the_store_is_pushed(first_run, workdir):
    output, record = first_run
    pushed = record.properties["BehaviorStorePusher", "pushed_store"]["pushed_destination"]
    assert f"bytes per event; pushed to {pushed}" in output
    assert "behaviour store: 40 users" in output
    with open_store(workdir.places(Config()).store_destination) as store:
        assert store.size().users == 40
        assert len(store.history(3, 1000)["item"]) > 100


def test_the_bad_row_is_counted(first_run):
    output, _ = first_run
    assert "bad_rows/item: missing" in output


def test_a_pushed_model_ranks_over_grpc(first_run, workdir):
    output = lifelong("rank", "--user", "3", "--top", "5", "--workdir", str(workdir.root))
    lines = [line for line in output.splitlines() if line.strip().startswith(("1.", "5."))]
    assert len(lines) == 2
    assert "relevance" in output


def test_the_notebook_runs(first_run, workdir, monkeypatch):
    monkeypatch.setenv("LIFELONG_WORKDIR", str(workdir.root))
    monkeypatch.setenv("LIFELONG_USER", "3")
    path = Path(__file__).parents[2] / "notebooks" / "what_the_search_finds.ipynb"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": path.parent}}).execute()
    (table,) = notebook.cells[-1].outputs
    assert "same_item" in table.data["text/plain"]


def test_the_pushed_model_scores_as_the_one_that_was_trained(first_run, workdir, tmp_path):
    """Stock TensorFlow on the pushed model, against the Trainer's own model, on real requests."""
    _, record = first_run
    (version,) = pushed_versions(workdir)
    trained = tf.saved_model.load(
        path_utils.serving_model_path(record.outputs["Trainer", "model"])
    ).signatures["serving_default"]
    requests = request_dataset(
        [record.outputs["BehaviorExampleGen", "examples"] + "/Split-eval/*"],
        record_spec(()),
        window=70,
        batch_size=64,
    )
    batch = next(iter(requests))
    wire = {key: batch[key].numpy() for key in trained.structured_input_signature[1]}
    scores = stock_scores(
        Path(workdir.places(Config(name="lifelong")).serving_folder) / version, wire, tmp_path
    )
    valid = np.arange(scores.shape[1]) < wire["candidate_length"][:, np.newaxis]
    assert scores[valid].std() > 0.01
    expected = trained(**{key: tf.constant(value) for key, value in wire.items()})["scores"]
    np.testing.assert_allclose(scores[valid], expected.numpy()[valid], atol=1e-5)


def test_neither_baker_nor_validator_nor_store_runs_twice_and_a_worse_model_is_not_pushed(
    first_run, workdir, run_flags
):
    assert "\npushed: version " in lifelong("run", *run_flags)
    record = read_last_run(workdir.metadata)
    assert set(record.cached) >= ALL_BUT_EVALUATOR_AND_PUSHER
    before = pushed_versions(workdir)
    # One step of training is not enough to come near the blessed model.
    output = lifelong(
        "run",
        *run_flags,
        "--training.epochs=1",
        "--training.learning_rate=1e-7",
        "--gate.auc_min=0",
        status=3,
    )
    assert "Not blessed" in output
    assert "no model was pushed" in output
    assert "or lower gate.auc_change_min (-0.005)" in output
    assert pushed_versions(workdir) == before


def test_an_unknown_user_is_told(first_run, workdir):
    output = lifelong("rank", "--user=9999", f"--workdir={workdir.root}", status=1)
    assert "user 9999 has no event" in output
