"""The stock Evaluator with our extractors, metrics and gate, on per-user records."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from sklearn import metrics as sk
from tfx.components.evaluator import executor
from tfx.types import artifact_utils, standard_artifacts

from lifelong.components.evaluation import extractors, report
from lifelong.components.evaluation.eval_config import make_eval_config
from lifelong.components.evaluation.history_buckets import LABELS, bucket_labels
from tests.components.evaluation.conftest import NEGATIVES

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Run:
    report: report.Report
    blessed: bool
    folder: Path


@pytest.fixture(scope="module")
def evaluate(records, model_dirs, tmp_path_factory):
    """Runs the stock executor on the toy records, which lie in two files."""
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path_factory.mktemp("examples"))
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    split = Path(examples.uri) / "Split-eval"
    split.mkdir()
    for shard in range(2):
        with tf.io.TFRecordWriter(str(split / f"data-{shard}.gz"), "GZIP") as writer:
            for record in records[shard::2]:
                writer.write(record)

    def model(name: str) -> standard_artifacts.Model:
        artifact = standard_artifacts.Model()
        artifact.uri = str(tmp_path_factory.mktemp("artifact"))
        (Path(artifact.uri) / "Format-Serving").symlink_to(model_dirs[name])
        return artifact

    def run(candidate: str, baseline: str | None, auc_min: float = 0.6) -> Run:
        inputs = {"examples": [examples], "model": [model(candidate)]}
        if baseline is not None:
            inputs["baseline_model"] = [model(baseline)]
        evaluation, blessing = (
            standard_artifacts.ModelEvaluation(),
            standard_artifacts.ModelBlessing(),
        )
        evaluation.uri = str(tmp_path_factory.mktemp("evaluation"))
        blessing.uri = str(tmp_path_factory.mktemp("blessing"))
        config = make_eval_config(auc_min=auc_min, auc_change_min=-0.005)
        executor.Executor().Do(
            inputs,
            {"evaluation": [evaluation], "blessing": [blessing]},
            {
                "eval_config": json_format.MessageToJson(config, preserving_proto_field_name=True),
                "feature_slicing_spec": None,
                "example_splits": json.dumps(["eval"]),
                "module_path": extractors.__name__,
            },
        )
        return Run(
            report.read_report(evaluation.uri),
            (Path(blessing.uri) / "BLESSED").exists(),
            Path(evaluation.uri),
        )

    return run


@pytest.fixture(scope="module")
def good_alone(evaluate) -> Run:
    return evaluate("good", None)


@pytest.fixture(scope="module")
def good_over_good(evaluate) -> Run:
    return evaluate("good", "good")


@pytest.fixture(scope="module")
def bad_over_good(evaluate) -> Run:
    return evaluate("bad", "good", auc_min=0.1)


def exact(requests, model: str) -> dict[str, float]:
    """The metrics of a model by scikit-learn alone."""
    users = np.concatenate([np.full(r.items.size, r.user) for r in requests])
    labels = np.concatenate([r.labels for r in requests])
    scores = np.concatenate([r.scores(model) for r in requests])
    mixed = [u for u in np.unique(users) if len(np.unique(labels[users == u])) == 2]
    aucs = [sk.roc_auc_score(labels[users == u], scores[users == u]) for u in mixed]
    weights = [np.sum(users == u) for u in mixed]
    return {
        "auc": sk.roc_auc_score(labels, scores),
        "gauc": np.average(aucs, weights=weights),
        "log_loss": sk.log_loss(labels, np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)),
        "calibration": scores.sum(dtype=np.float64) / labels.sum(),
        "requests": sum(r.items.size > 0 for r in requests),
        "candidates": labels.size,
        "users": len(mixed),
        "users_left_out": len(np.unique(users)) - len(mixed),
    }


def check(row: report.Row, expected: dict[str, float]) -> None:
    found = dataclasses.asdict(row)
    assert found["auc"] == pytest.approx(expected.pop("auc"), abs=1e-3)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


def test_metrics_of_all_requests_equal_scikit_learn(good_alone, requests):
    overall = good_alone.report.rows[0]
    assert overall.history == "all"
    check(overall, exact(requests, "good"))


def test_metrics_by_history_length_equal_scikit_learn(good_alone, requests):
    rows = good_alone.report.rows[1:]
    assert [row.history for row in rows] == list(LABELS)
    for row in rows:
        inside = [r for r in requests if bucket_labels(np.array([r.history_events])) == row.history]
        check(row, exact(inside, "good"))


def test_both_models_are_measured_on_the_same_requests(bad_over_good, requests):
    check(bad_over_good.report.rows[0], exact(requests, "bad"))
    check(bad_over_good.report.baseline[0], exact(requests, "good"))


def test_sampled_negatives_count_as_many_as_they_stand_for(evaluate, good_alone, requests):
    """In log loss and calibration, of both models; and nothing else changes."""
    run = evaluate("of_sampled", "good")
    labels = np.concatenate([r.labels for r in requests])
    scores = np.concatenate([r.scores("good") for r in requests]).astype(np.float64)
    weights = np.where(labels > 0, 1, NEGATIVES)
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    for rows in (run.report.rows, run.report.baseline):
        assert rows[0].log_loss == pytest.approx(
            sk.log_loss(labels, clipped, sample_weight=weights), rel=1e-6
        )
        assert rows[0].calibration == pytest.approx(weights @ scores / labels.sum(), rel=1e-6)
        for row, unweighted in zip(rows, good_alone.report.rows, strict=True):
            same = dataclasses.replace(
                row, log_loss=unweighted.log_loss, calibration=unweighted.calibration
            )
            assert same == unweighted
    assert run.blessed


def test_weights_of_a_baseline_alone_do_not_count(evaluate, good_alone):
    """Which negatives the records hold, the model knows that was trained on them."""
    assert evaluate("good", "of_sampled").report.rows == good_alone.report.rows


def test_a_first_model_is_blessed_without_a_baseline(good_alone):
    assert good_alone.blessed
    assert good_alone.report.blessed
    assert good_alone.report.baseline == ()


def test_an_equal_model_is_blessed(good_over_good):
    assert good_over_good.blessed
    assert good_over_good.report.failures == ()
    assert good_over_good.report.rows == good_over_good.report.baseline


def test_a_worse_model_is_refused_with_the_reason(bad_over_good):
    assert not bad_over_good.blessed
    assert bad_over_good.report.blessed is False
    (failure,) = bad_over_good.report.failures
    rows, baseline = bad_over_good.report.rows, bad_over_good.report.baseline
    assert failure == (
        f"auc (all requests) differs by {rows[0].auc - baseline[0].auc:+.4f} from the "
        "baseline's, must differ by at least -0.005"
    )


def test_a_model_below_the_smallest_auc_is_refused(evaluate):
    run = evaluate("bad", None, auc_min=0.9)
    assert not run.blessed
    (failure,) = run.report.failures
    assert failure == f"auc (all requests) is {run.report.rows[0].auc:.4f}, must be at least 0.9"


def test_the_result_opens_with_tfma_itself(good_over_good):
    result = tfma.load_eval_result(str(good_over_good.folder), model_name=tfma.CANDIDATE_KEY)
    assert result.get_metrics_for_slice((("history_length", LABELS[-1]),))["gauc"]
