"""What is blessed, what is not, and what TFX's own Pusher makes of it."""

import json
import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.components.pusher.executor import Executor as PusherExecutor
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

from lifelong.components.serving_validator import validation
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.refusal import ModelRefusedError, ServerFailedError
from lifelong.serving.client import PredictionClient
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.warmup import WARMUP_FILE, warm_up
from tests.batching_parameters import read_batching_parameters
from tests.sample_models import spread_model

pytestmark = pytest.mark.slow

# Few and quick: 12 requests of the ten users.
QUICK = {"validation_requests": 12, "latency_requests": 20, "latency_candidates": 20}
CONFIG = ServingConfig(**QUICK, warmup_requests=14, max_batch_size=4)


def noted(blessing):
    """What the artifact says, by name."""
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in blessing.mlmd_artifact.custom_properties.items()
    }


def push(blessing, folder, model_blessed=1):
    """Runs the stock Pusher without a model; returns the version that it pushed, if any."""
    model_blessing = standard_artifacts.ModelBlessing()
    model_blessing.set_int_custom_property("blessed", model_blessed)
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(folder / "archive")
    PusherExecutor().Do(
        {"model_blessing": [model_blessing], "infra_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {"push_destination": f'{{"filesystem": {{"base_directory": "{folder / "pushed"}"}}}}'},
    )
    versions = list((folder / "pushed").glob("*"))
    assert len(versions) == pushed.get_int_custom_property("pushed")
    return versions[0] if versions else None


@pytest.fixture
def refusal(bless, tmp_path):
    """Runs the executor on a model that must not be pushed, and returns what is kept of it."""

    def run(model, config):
        with pytest.raises(ModelRefusedError) as refused:
            bless(model, config)
        assert not list((tmp_path / "blessing").glob("*BLESSED"))
        assert not Path(path_utils.stamped_model_path(str(tmp_path / "blessing"))).exists()
        (folder,) = (tmp_path / "findings").iterdir()
        found = json.loads((folder / "findings.json").read_text())
        assert str(refused.value) == f"{found['reason']} (what was found: {folder})"
        return found

    return run


def test_a_good_model_is_blessed_and_pushed_with_its_warm_up_requests(sim_hard, bless, tmp_path):
    """With a server in a process of its own."""
    blessing = bless(sim_hard, CONFIG)
    said = noted(blessing)
    assert (said["blessed"], said["has_model"]) == (1, 1)
    assert (said["requests"], said["warmup_requests"]) == (12, 14)
    assert said["model_uri"] == sim_hard.uri
    assert 0 <= said["largest_score_difference"] <= 1e-6
    assert 0 < said["latency_p50_ms"] <= said["latency_p99_ms"]
    assert (Path(blessing.uri) / "INFRA_BLESSED").exists()
    log = (Path(blessing.uri) / "server.log").read_text()
    assert "version 2 is available" in log
    assert "ran 14 warm-up requests" in log

    # The Evaluator decides as before.
    assert push(blessing, tmp_path, model_blessed=0) is None
    pushed = push(blessing, tmp_path)
    assert warm_up(LoadedModel(str(pushed), 1)) == 14
    assert read_batching_parameters(pushed / "batching_params.pbtxt").max_batch_size.value == 4
    with (
        ModelServer.of_model("shop", str(pushed.parent), poll_interval_s=0) as server,
        PredictionClient(server.address, "shop") as client,
    ):
        assert "searched_events" in client.signatures()


def test_a_model_without_warm_up_requests_is_pushed_too(plain, bless, at_once, tmp_path):
    blessing = bless(plain, ServingConfig(**QUICK, warmup_requests=0, max_batch_size=1))
    assert noted(blessing)["warmup_requests"] == 0
    pushed = push(blessing, tmp_path)
    exported = Path(path_utils.serving_model_path(plain.uri))
    assert sorted(it.name for it in pushed.iterdir()) == sorted(
        it.name for it in exported.iterdir()
    )
    assert not (pushed / WARMUP_FILE).exists()


def test_calibrated_scores_are_served_as_the_evaluator_judges_them(
    export, transform_output, bless, at_once
):
    """By histories, by records and by what a store has found."""
    model = export(spread_model("sim_hard", transform_output), negative_sampling_rate=0.1)
    said = noted(bless(model, CONFIG))
    assert said["blessed"] == 1
    assert 0 <= said["largest_score_difference"] <= 1e-6


def test_scores_that_differ_are_refused(plain, refusal, at_once, monkeypatch):
    right = validation.evaluator_scores

    def shifted(path, requests):
        reference = right(path, requests)
        return reference._replace(scores=[scores + 0.125 for scores in reference.scores])

    monkeypatch.setattr(validation, "evaluator_scores", shifted)
    said = refusal(plain, CONFIG)
    assert "differ from the Evaluator's by 0.125 (serving.tolerance: 1e-05)" in said["reason"]
    assert said["largest_score_difference"] == pytest.approx(0.125, abs=1e-6)
    assert said["latency_p50_ms"] is None


def test_scores_that_are_no_numbers_are_refused(export, transform_output, refusal, at_once):
    model = spread_model("none", transform_output)
    model.head.logit.bias.assign([float("nan")])
    said = refusal(export(model), CONFIG)
    assert "by nan" in said["reason"]
    assert said["largest_score_difference"] is None


def test_a_missed_latency_budget_is_refused(plain, refusal, at_once):
    config = ServingConfig(**QUICK, latency_budget_ms=0.001)
    said = refusal(plain, config)
    assert "ms for 20 candidates and a full history, over the budget of 0.001 ms" in said["reason"]
    assert said["latency_p99_ms"] > 0.001
    assert said["largest_score_difference"] <= 1e-6


def test_a_compiled_model_needs_servers_that_run_it(export, transform_output, refusal, bless):
    """With servers in processes of their own."""
    model = export(spread_model("eta", transform_output), jit_compile=True)
    small = {**QUICK, "latency_requests": 2, "warmup_requests": 1, "max_batch_size": 1}
    assert "XLA compilation disabled" in refusal(model, ServingConfig(**small))["reason"]
    said = noted(bless(model, ServingConfig(**small, xla_cpu_compilation_enabled=True)))
    assert said["blessed"] == 1


def test_a_model_with_a_python_op_is_refused(refusal, at_once, tmp_path):
    class Python(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
        def rank(self, user):
            return {"scores": tf.py_function(float, [user[0]], tf.float32)}

    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "python")
    tf.saved_model.save(Python(), path_utils.serving_model_dir(model.uri))
    reason = refusal(model, CONFIG)["reason"]
    assert reason.startswith("the server cannot load the model: INVALID_ARGUMENT: ")
    assert "contains Python ops" in reason


def test_a_model_whose_files_are_damaged_is_refused(plain, refusal, at_once, tmp_path):
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "damaged")
    shutil.copytree(plain.uri, model.uri)
    for file in Path(path_utils.serving_model_path(model.uri)).glob("variables/*.data-*"):
        file.write_bytes(b"")
    assert "the server cannot load the model" in refusal(model, CONFIG)["reason"]


def test_warm_up_requests_that_the_server_does_not_take_are_refused(
    plain, refusal, at_once, monkeypatch
):
    def write_garbage(model_path, *_):
        (model_path / WARMUP_FILE).parent.mkdir()
        (model_path / WARMUP_FILE).write_bytes(b"x" * 100)
        return 1

    monkeypatch.setattr(validation, "write_warmup_requests", write_garbage)
    assert "DATA_LOSS" in refusal(plain, CONFIG)["reason"]


def test_a_server_that_is_late_is_an_error_so_that_the_next_run_tries_again(
    plain, bless, tmp_path, monkeypatch
):
    def be_late(*arguments):
        raise ServerFailedError("the server has not loaded the model after 120 s")

    monkeypatch.setattr(validation, "_serve", be_late)
    with pytest.raises(ServerFailedError, match="has not loaded the model"):
        bless(plain, CONFIG)
    assert not list((tmp_path / "blessing").glob("INFRA*"))
    (found,) = (tmp_path / "findings").glob("*/findings.json")
    assert "has not loaded the model" in json.loads(found.read_text())["reason"]


def test_an_empty_split_validates_nothing_and_is_an_error(plain, bless, at_once):
    with pytest.raises(ValueError, match=r"Split-empty.* hold no request"):
        bless(plain, CONFIG, split="empty")


def test_model_and_blessing_may_lie_at_uris(plain, bless, at_once):
    model, blessing = standard_artifacts.Model(), standard_artifacts.InfraBlessing()
    model.uri, blessing.uri = "ram://validator/model", "ram://validator/blessing"
    io_utils.copy_dir(plain.uri, model.uri)
    config = ServingConfig(**QUICK, warmup_requests=2, max_batch_size=1)
    assert noted(bless(model, config, blessing=blessing))["blessed"] == 1
    warmed = path_utils.stamped_model_path(blessing.uri)
    assert fileio.exists(f"{blessing.uri}/INFRA_BLESSED")
    assert fileio.exists(f"{warmed}/{WARMUP_FILE}")
    assert warm_up(LoadedModel(warmed, 1)) == 2


def test_what_was_found_may_be_kept_at_a_uri(plain, bless, at_once):
    with pytest.raises(ModelRefusedError, match="what was found: ram://validator/findings/"):
        bless(
            plain,
            ServingConfig(**QUICK, latency_budget_ms=1e-6),
            findings_folder="ram://validator/findings",
        )
    assert len(fileio.glob("ram://validator/findings/*/findings.json")) == 1
