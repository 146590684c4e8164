import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from lifelong.models.calibration import corrected_logits, uncorrected
from lifelong.models.config import ExportConfig
from lifelong.models.export import ServingSignatures, export_model
from tests.sample_models import RECORDS, all_requests, spread_model
from tests.sample_records import serialize
from tests.stock_tensorflow import stock_scores

pytestmark = pytest.mark.slow

RATE = 0.1
SERIALIZED = [serialize(record) for record in RECORDS]


@pytest.fixture(scope="module")
def wire():
    batch = all_requests(RECORDS)
    del batch["candidate_label"]
    return batch


@pytest.fixture(scope="module")
def model(transform_output):
    return spread_model("sim_hard", transform_output)


@pytest.fixture(scope="module")
def plain(model, transform_output):
    return ServingSignatures(model, transform_output)


@pytest.fixture(scope="module")
def exported(model, transform_output, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrected")
    export_model(model, transform_output, str(folder), ExportConfig(negative_sampling_rate=RATE))
    return folder


def corrected(scores):
    """The article's formula, p / (p + (1 - p) / w)."""
    scores = np.asarray(scores, np.float64)
    return scores / (scores + (1 - scores) / RATE)


def test_logits_by_hand():
    # Odds 1 to 1 become 1 to 4, 4 to 1 become 1 to 1.
    logits = corrected_logits(tf.constant([[0.0, np.log(4.0)]]), 0.25)
    np.testing.assert_allclose(tf.sigmoid(logits), [[0.2, 0.5]], rtol=1e-6)


def test_all_negatives_kept_is_no_operation():
    logits = tf.constant([1.0])
    assert corrected_logits(logits, 1.0) is logits
    scores = np.float32([0.3])
    assert uncorrected(scores, 1.0) is scores


@pytest.mark.parametrize("rate", [0.5, 1e-4])
def test_the_correction_is_taken_back_to_the_last_digits_of_float32(rate):
    logits = np.linspace(-20, 20, 401).astype(np.float32)
    expected = 1 / (1 + np.exp(-logits.astype(np.float64)))
    served = tf.sigmoid(corrected_logits(tf.constant(logits), rate)).numpy()
    np.testing.assert_allclose(uncorrected(served, rate), expected, atol=2e-6)
    assert np.abs(served - expected).max() > 0.1


def test_a_model_of_sampled_negatives_predicts_the_true_click_rate_once_corrected():
    """A logistic regression, of which every kept negative stands for ten."""
    rng = np.random.default_rng(0)
    feature = rng.normal(size=(400_000, 1))
    rate = 1 / (1 + np.exp(4 - feature[:, 0]))
    clicked = rng.random(len(rate)) < rate
    kept = clicked | (rng.random(len(rate)) < RATE)
    fitted = LogisticRegression(C=1e6).fit(feature[kept], clicked[kept])
    logits = tf.constant(fitted.decision_function(feature))
    # 11,000 clicks: their number is known to 1 %.
    mean = float(tf.reduce_mean(tf.sigmoid(corrected_logits(logits, RATE))))
    assert mean == pytest.approx(rate.mean(), rel=0.04)
    assert float(tf.reduce_mean(tf.sigmoid(logits))) > 4 * rate.mean()


@pytest.mark.parametrize("signature", ["serving_default", "search"])
def test_every_signature_of_histories_is_corrected(exported, plain, wire, signature):
    scores = tf.saved_model.load(str(exported)).signatures[signature](**wire)["scores"]
    np.testing.assert_allclose(scores, corrected(plain.rank(**wire)["scores"]), atol=1e-6)


def test_what_the_evaluator_judges_is_what_is_served(exported, plain):
    records = tf.constant(SERIALIZED)
    scored = tf.saved_model.load(str(exported)).signatures["score_records"](records=records)
    expected = plain.score_records(records)
    np.testing.assert_allclose(scored["scores"], corrected(expected["scores"]), atol=1e-6)
    labels = expected["candidate_label"].numpy()
    np.testing.assert_array_equal(scored["candidate_weight"], np.where(labels > 0, 1, 10))
    assert roc_auc_score(labels, scored["scores"]) == pytest.approx(
        roc_auc_score(labels, expected["scores"]), abs=1e-12
    )


def test_events_from_a_store_are_scored_alike(model, transform_output):
    """No event and no slot: what is left is the short part, and the correction."""
    spec = model.spec.model
    batch = all_requests(RECORDS)
    del batch["candidate_label"]
    # Nothing of the long part is known to either signature.
    batch["history_length"] = tf.minimum(batch["history_length"], spec.short_length)
    requests, candidates = batch["candidate_item"].shape
    cells, events = tf.zeros([requests, 1], tf.int64), tf.zeros([requests, 1, 1], tf.int64)
    searched = dict(
        batch,
        candidate_slot=tf.fill([requests, candidates], tf.constant(-1, tf.int64)),
        searched_category=cells,
        searched_length=cells,
        searched_item=events,
        searched_timestamp=events,
    )
    signatures = ServingSignatures(model, transform_output, negative_sampling_rate=RATE)
    np.testing.assert_allclose(
        signatures.rank_searched(**searched)["scores"],
        corrected(ServingSignatures(model, transform_output).rank(**batch)["scores"]),
        atol=1e-6,
    )


def test_stock_tensorflow_in_a_fresh_process_gives_corrected_scores(
    exported, plain, wire, tmp_path
):
    scores = stock_scores(exported, wire, tmp_path)
    np.testing.assert_allclose(scores, corrected(plain.rank(**wire)["scores"]), atol=1e-6)


def test_without_a_rate_nothing_is_added_to_the_graph(model, plain, transform_output, wire):
    spec = {
        key: tf.TensorSpec([None] * value.shape.rank, value.dtype) for key, value in wire.items()
    }

    def operations(signatures):
        graph = tf.function(signatures.rank).get_concrete_function(**spec).graph
        return len(graph.get_operations())

    rated = ServingSignatures(model, transform_output, negative_sampling_rate=RATE)
    default = ExportConfig()
    assert dataclasses.asdict(default)["negative_sampling_rate"] == 1
    # A constant and an addition
    assert operations(rated) == operations(plain) + 2
    assert "candidate_weight" not in plain.score_records(tf.constant(SERIALIZED))
