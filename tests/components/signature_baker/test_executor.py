from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from lifelong.components.signature_baker.executor import Executor, largest_score_difference
from lifelong.models.config import ExportConfig, SoftSearchConfig
from lifelong.models.export import export_model
from lifelong.models.trained import TRAINED_FOLDER, save_trained
from tests.sample_models import RECORDS, all_requests, spread_model
from tests.sample_records import write_records

PROPERTIES = {
    "split": "eval",
    "proof_requests": 20,
    "tolerance": 1e-5,
    "export": ExportConfig().to_json(),
}


def artifact(kind, uri):
    result = kind()
    result.uri = str(uri)
    return result


def do(model, exported, transform_output, folder, properties=PROPERTIES, records=RECORDS):
    """Runs the executor on the Trainer's output for `model`, whose SavedModel is `exported`'s."""
    trained = artifact(standard_artifacts.Model, folder / "trained")
    save_trained(model, str(Path(trained.uri) / TRAINED_FOLDER))
    export_model(exported, transform_output, path_utils.serving_model_dir(trained.uri))
    examples = artifact(standard_artifacts.Examples, folder / "examples")
    examples.split_names = '["eval"]'
    (folder / "examples" / "Split-eval").mkdir(parents=True)
    write_records(records, folder / "examples" / "Split-eval" / "data.gz")
    output = artifact(standard_artifacts.Model, folder / "baked")
    Executor().Do(
        {
            "model": [trained],
            "transform_graph": [
                artifact(
                    standard_artifacts.TransformGraph,
                    Path(transform_output.transform_savedmodel_dir).parent,
                )
            ],
            "examples": [examples],
        },
        {"baked_model": [output]},
        properties,
    )
    return output


def wire_batches():
    """The requests of the records as one batch of wire tensors."""
    return [all_requests(RECORDS)]


def test_the_baked_model_is_proven_and_described(transform_output, tmp_path):
    model = spread_model("eta", transform_output)
    output = do(model, model, transform_output, tmp_path)
    items = model.spec.vocabulary_sizes["item"]
    assert output.get_int_custom_property("baked_table_bytes") == 8 * items
    assert output.get_int_custom_property("proof_requests") >= 20
    assert output.get_float_custom_property("baking_seconds") > 0
    assert output.get_float_custom_property("largest_score_difference") <= 1e-5
    assert output.get_string_custom_property("trained_model_uri") == str(tmp_path / "trained")
    loaded = tf.saved_model.load(path_utils.serving_model_path(output.uri))
    assert any(variable.dtype == tf.int64 for variable in loaded.model_variables)


def test_a_table_that_does_not_belong_to_the_weights_is_refused(transform_output, tmp_path):
    """The SavedModel to compare with has other item embeddings than the checkpoint to bake."""
    model = spread_model("eta", transform_output)
    other = spread_model("eta", transform_output)
    table = other.embeddings.item.embeddings
    table.assign(np.random.default_rng(5).normal(0, 0.5, table.shape))
    with pytest.raises(ValueError, match="baked and unbaked scores differ by"):
        do(model, other, transform_output, tmp_path)
    assert not (tmp_path / "baked").exists()


def test_a_model_without_signatures_passes_through(transform_output, tmp_path):
    model = spread_model("none", transform_output)
    output = do(model, model, transform_output, tmp_path)
    assert output.get_int_custom_property("baked_table_bytes") == 0
    assert output.get_float_custom_property("largest_score_difference") == 0


def test_the_exact_search_of_sim_soft_is_baked_without_a_difference(transform_output, tmp_path):
    model = spread_model("sim_soft", transform_output)
    output = do(model, model, transform_output, tmp_path)
    items, categories = (model.spec.vocabulary_sizes[name] for name in ("item", "category"))
    width = 2 * model.spec.model.soft_search.dim
    assert output.get_int_custom_property("baked_table_bytes") == 2 * 4 * width * (
        items + categories
    )
    assert output.get_float_custom_property("largest_score_difference") <= 1e-5


@pytest.mark.parametrize("served_by", ["alsh", "index"])
def test_what_an_approximate_search_changes_is_noted_not_refused(
    transform_output, tmp_path, served_by
):
    soft_search = SoftSearchConfig(dim=2, alsh_bits=64, neighbors=2, served_by=served_by)
    model = spread_model("sim_soft", transform_output, soft_search=soft_search)
    output = do(model, model, transform_output, tmp_path)
    assert output.get_float_custom_property("largest_score_difference") > 1e-5
    assert output.get_int_custom_property("baked_table_bytes") > 0


def test_what_tables_in_fewer_bits_change_is_noted_not_refused(transform_output, tmp_path):
    model = spread_model("eta", transform_output)
    properties = PROPERTIES | {"export": ExportConfig(table_type="int8").to_json()}
    output = do(model, model, transform_output, tmp_path, properties)
    assert 1e-5 < output.get_float_custom_property("largest_score_difference") < 0.2
    loaded = tf.saved_model.load(path_utils.serving_model_path(output.uri))
    assert any(variable.dtype == tf.int8 for variable in loaded.model_variables)


def test_a_compiled_model_is_proven_too(transform_output, tmp_path):
    model = spread_model("eta", transform_output)
    properties = PROPERTIES | {"export": ExportConfig(jit_compile=True).to_json()}
    output = do(model, model, transform_output, tmp_path, properties)
    assert output.get_float_custom_property("largest_score_difference") <= 1e-5
    saved_model = Path(path_utils.serving_model_path(output.uri)) / "saved_model.pb"
    assert b"_XlaMustCompile" in saved_model.read_bytes()


@pytest.mark.parametrize("rate", [0.5, 1e-3])
def test_calibrated_scores_are_proven_as_closely_as_others(transform_output, tmp_path, rate):
    """Of a model that is certain of some candidates, where a correction would lose digits."""
    model = spread_model("eta", transform_output)
    model.head.layers[-1].bias.assign([8.0])
    properties = PROPERTIES | {"export": ExportConfig(negative_sampling_rate=rate).to_json()}
    output = do(model, model, transform_output, tmp_path, properties)
    assert output.get_float_custom_property("largest_score_difference") <= 1e-6


def test_a_calibration_that_the_scores_do_not_have_is_refused(transform_output, tmp_path):
    """As if the correction of the baked model had been forgotten, or made twice."""
    model = spread_model("none", transform_output)
    path = str(tmp_path / "model")
    export_model(model, transform_output, path)
    _, difference = largest_score_difference(path, path, wire_batches(), 0.5)
    assert difference > 0.05


def test_an_empty_split_proves_nothing_and_is_refused(transform_output, tmp_path):
    model = spread_model("eta", transform_output)
    with pytest.raises(ValueError, match="the split is empty"):
        do(model, model, transform_output, tmp_path, records=[])


def test_scores_that_are_not_numbers_are_refused(transform_output, tmp_path):
    model = spread_model("eta", transform_output)
    model.head.layers[-1].bias.assign([np.nan])
    with pytest.raises(ValueError, match="differ by nan"):
        do(model, model, transform_output, tmp_path)
