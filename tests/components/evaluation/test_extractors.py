import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from lifelong.components.evaluation import extractors
from lifelong.components.evaluation.eval_config import make_eval_config
from tests.components.evaluation.conftest import NEGATIVES


def batch_of(records: list[bytes]) -> pa.RecordBatch:
    """What the Evaluator's reader makes of the records."""
    parsed = ExamplesToRecordBatchDecoder().DecodeBatch(records)
    raw = pa.array([[record] for record in records], pa.large_list(pa.large_binary()))
    return pa.RecordBatch.from_arrays(
        [*parsed.columns, raw], [*parsed.schema.names, tfma.ARROW_INPUT_COLUMN]
    )


def scorer(*model_dirs) -> extractors.ScoreRecords:
    config = tfma.utils.update_eval_config_with_defaults(
        make_eval_config(0.5, 0.0), has_baseline=len(model_dirs) > 1, rubber_stamp=True
    )
    models = [
        tfma.default_eval_shared_model(str(path), model_name=spec.name, eval_config=config)
        for path, spec in zip(model_dirs, config.model_specs, strict=True)
    ]
    score = extractors.ScoreRecords(models)
    score.setup()
    return score


def extracts_of(score: extractors.ScoreRecords, records: list[bytes]) -> list[tfma.Extracts]:
    return list(score.process({tfma.ARROW_RECORD_BATCH_KEY: batch_of(records)}))


def save(path, outputs) -> str:
    """Saves a model whose signature gives these outputs whatever the records."""
    module = tf.Module()
    module.score_records = tf.function(
        lambda records: {key: tf.constant(value) for key, value in outputs.items()},
        input_signature=[tf.TensorSpec([None], tf.string, name="records")],
    )
    tf.saved_model.save(module, str(path), signatures={"score_records": module.score_records})
    return str(path)


FLAT = {
    "scores": np.float32([0.5, 0.1, 0.2]),
    "candidate_label": np.float32([1, 0, 0]),
    "user": np.int64([7, 8]),
    "request_candidates": np.int64([1, 2]),
    "history_events": np.int64([5, 700]),
}


def test_one_extract_per_request_with_candidates(requests, records, model_dirs):
    rows = [request for request in requests if request.items.size]
    found = extracts_of(scorer(model_dirs["good"]), records)
    assert len(found) == len(rows) < len(requests)
    for extract, request in zip(found, rows, strict=True):
        assert extract["features"]["user"].tolist() == [request.user]
        np.testing.assert_array_equal(extract["labels"], request.labels)
        np.testing.assert_array_equal(extract["predictions"], request.scores("good"))


def test_predictions_by_model_if_there_are_several(requests, records, model_dirs):
    found = extracts_of(scorer(model_dirs["good"], model_dirs["bad"]), records)[0]
    request = next(request for request in requests if request.items.size)
    assert set(found["predictions"]) == {"candidate", "baseline"}
    np.testing.assert_array_equal(found["predictions"]["candidate"], request.scores("good"))
    np.testing.assert_array_equal(found["predictions"]["baseline"], request.scores("bad"))


def test_weights_are_given_if_the_model_says_them(requests, records, model_dirs):
    assert tfma.EXAMPLE_WEIGHTS_KEY not in extracts_of(scorer(model_dirs["good"]), records)[0]
    rows = [request for request in requests if request.items.size]
    found = extracts_of(scorer(model_dirs["of_sampled"]), records)
    for extract, request in zip(found, rows, strict=True):
        np.testing.assert_array_equal(
            extract[tfma.EXAMPLE_WEIGHTS_KEY], np.where(request.labels > 0, 1, NEGATIVES)
        )


@pytest.mark.parametrize("requests_per_call", [1, 5, 10_000])
def test_the_size_of_calls_changes_nothing(records, model_dirs, monkeypatch, requests_per_call):
    score = scorer(model_dirs["good"])
    whole = extracts_of(score, records)
    monkeypatch.setattr(extractors, "REQUESTS_PER_CALL", requests_per_call)
    parts = extracts_of(score, records)
    assert len(parts) == len(whole)
    for part, expected in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(part["predictions"], expected["predictions"])


def test_records_without_requests_give_nothing(records, model_dirs):
    assert extracts_of(scorer(model_dirs["good"]), records[:1]) == []


def test_records_of_another_kind_are_refused(model_dirs):
    example = tf.train.Example()
    example.features.feature["label"].int64_list.value.append(1)
    with pytest.raises(ValueError, match=r"no feature 'request_timestamp', only .*'label'"):
        extracts_of(scorer(model_dirs["good"]), [example.SerializeToString()])


def test_a_model_without_the_signature_is_refused(tmp_path):
    module = tf.Module()
    module.call = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.call})
    with pytest.raises(ValueError, match=r"no signature 'score_records', only \['serving_default"):
        scorer(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.float32([0.5, np.nan, 1.5])}, r"2 of 3 scores outside \[0, 1\].* user 8"),
        ({"scores": np.float32([0.5])}, r"output 'scores' .* has shape \(1,\); expected \(3,\)"),
        ({"candidate_weight": np.float32([4])}, r"output 'candidate_weight' .* has shape \(1,\)"),
        ({"user": np.int64([7])}, r"output 'user' .* has shape \(1,\); expected \(2,\)"),
    ],
)
def test_unusable_outputs_are_refused(records, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        extracts_of(scorer(save(tmp_path, FLAT | change)), records)


def test_a_missing_output_is_named(records, tmp_path):
    outputs = {key: value for key, value in FLAT.items() if key != "history_events"}
    with pytest.raises(ValueError, match="has no output history_events"):
        extracts_of(scorer(save(tmp_path, outputs)), records)


def test_models_that_disagree_on_the_requests_are_refused(records, tmp_path):
    other = FLAT | {"candidate_label": np.float32([0, 1, 0])}
    score = scorer(save(tmp_path / "a", FLAT), save(tmp_path / "b", other))
    with pytest.raises(ValueError, match="different 'candidate_label' for the same records"):
        extracts_of(score, records)
