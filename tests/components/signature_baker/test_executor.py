import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from lifelong.components.signature_baker.executor import Executor, largest_score_difference
from lifelong.models.config import ExportConfig, SoftSearchConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import export_model
from lifelong.models.trained import TRAINED_FOLDER, save_trained
from lifelong_artifacts import DayStatistics, ItemTable
from tests.sample_items import FEATURES, item_table, model_with_items, write_source
from tests.sample_models import RECORDS, all_requests, spread_model
from tests.sample_records import write_records
from tests.sample_statistics import statistics_of

pytestmark = pytest.mark.slow

LOG = {name: np.arange(20) % 7 for name in ("user", "item", "category", "timestamp")}

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


class Trained(NamedTuple):
    """A model, and the folder that the Trainer would have left of it."""

    model: CTRModel
    folder: Path

    def bake(self, folder, properties=PROPERTIES, records=RECORDS, item_table=None):
        """Runs the executor on this output of the Trainer."""
        trained = artifact(standard_artifacts.Model, self.folder / "trained")
        examples = artifact(standard_artifacts.Examples, folder / "examples")
        examples.split_names = '["eval"]'
        (folder / "examples" / "Split-eval").mkdir(parents=True)
        write_records(records, folder / "examples" / "Split-eval" / "data.gz")
        output = artifact(standard_artifacts.Model, folder / "baked")
        transform_graph = artifact(standard_artifacts.TransformGraph, self.folder / "transform")
        inputs = {"model": [trained], "transform_graph": [transform_graph], "examples": [examples]}
        (folder / "day_statistics").mkdir()
        statistics_of(LOG, folder / "day_statistics")
        inputs["day_statistics"] = [artifact(DayStatistics, folder / "day_statistics")]
        if item_table:
            inputs["item_table"] = [artifact(ItemTable, item_table)]
        Executor().Do(inputs, {"baked_model": [output]}, properties)
        return output


@pytest.fixture(scope="module")
def train(transform_output, tmp_path_factory):
    """Makes the Trainer's output for a model, whose SavedModel is that of `exported`, if given."""

    def make(model, exported=None):
        folder = tmp_path_factory.mktemp("model")
        transform = Path(transform_output.transform_savedmodel_dir).parent
        (folder / "transform").symlink_to(transform, target_is_directory=True)
        save_trained(model, str(folder / "trained" / TRAINED_FOLDER))
        served = path_utils.serving_model_dir(str(folder / "trained"))
        if exported is None:
            counted = statistics_of(LOG, tmp_path_factory.mktemp("day_statistics")).newest()
            export_model(model, transform_output, served, statistics=counted)
        else:
            shutil.copytree(path_utils.serving_model_path(str(exported.folder / "trained")), served)
        return Trained(model, folder)

    return make


@pytest.fixture(scope="module")
def eta(train, transform_output):
    """A model that counts, too."""
    return train(spread_model("eta", transform_output, evidence_length=14, statistics=True))


@pytest.fixture(scope="module")
def plain(train, transform_output):
    """A model without signatures."""
    return train(spread_model("none", transform_output))


@pytest.fixture(scope="module")
def certain(train, transform_output):
    """A model that is certain of some candidates."""
    model = spread_model("eta", transform_output)
    model.head.logit.bias.assign([8.0])
    return train(model)


def saved_types(output):
    """The types of the variables of a baked model."""
    variables = Path(path_utils.serving_model_path(output.uri)) / "variables" / "variables"
    return tf.train.load_checkpoint(str(variables)).get_variable_to_dtype_map().values()


def wire_batches():
    """The requests of the records as one batch of wire tensors."""
    return [all_requests(RECORDS)]


def test_the_baked_model_is_proven_and_described(eta, tmp_path):
    output = eta.bake(tmp_path)
    items = eta.model.spec.vocabulary_sizes["item"]
    assert output.get_int_custom_property("baked_table_bytes") == 8 * items
    assert output.get_int_custom_property("proof_requests") >= 20
    assert output.get_float_custom_property("baking_seconds") > 0
    assert output.get_float_custom_property("largest_score_difference") <= 1e-5
    assert output.get_string_custom_property("trained_model_uri") == str(eta.folder / "trained")
    assert tf.int64 in saved_types(output)


def test_a_table_that_does_not_belong_to_the_weights_is_refused(
    eta, train, transform_output, tmp_path
):
    """The checkpoint to bake has other item embeddings than the SavedModel to compare with."""
    other = spread_model("eta", transform_output)
    table = other.embeddings.item.embeddings
    table.assign(np.random.default_rng(5).normal(0, 0.5, table.shape))
    with pytest.raises(ValueError, match="baked and unbaked scores differ by"):
        train(other, exported=eta).bake(tmp_path)
    assert not (tmp_path / "baked").exists()


def test_signatures_of_given_vectors_are_those_of_the_item_table(train, transform_output, tmp_path):
    source = write_source(tmp_path / "items", item_table(), FEATURES)
    model = model_with_items("eta", transform_output, source, search_vectors="image")
    output = train(model).bake(tmp_path, item_table=source.table)
    entries = 1 + len(item_table()["item"])
    assert output.get_int_custom_property("baked_table_bytes") == 8 * entries
    assert output.get_float_custom_property("largest_score_difference") <= 1e-5


def test_a_model_without_signatures_passes_through(plain, tmp_path):
    output = plain.bake(tmp_path)
    assert output.get_int_custom_property("baked_table_bytes") == 0
    assert output.get_float_custom_property("largest_score_difference") == 0


def test_the_exact_search_of_sim_soft_is_baked_without_a_difference(
    train, transform_output, tmp_path
):
    model = spread_model("sim_soft", transform_output)
    output = train(model).bake(tmp_path)
    items, categories = (model.spec.vocabulary_sizes[name] for name in ("item", "category"))
    width = 2 * model.spec.model.soft_search.dim
    assert output.get_int_custom_property("baked_table_bytes") == 2 * 4 * width * (
        items + categories
    )
    assert output.get_float_custom_property("largest_score_difference") <= 1e-5


@pytest.mark.parametrize("served_by", ["alsh", "index"])
def test_what_an_approximate_search_changes_is_noted_not_refused(
    train, transform_output, tmp_path, served_by
):
    soft_search = SoftSearchConfig(
        dim=2, alsh_bits=64, clusters=9, searched_clusters=2, served_by=served_by
    )
    model = spread_model("sim_soft", transform_output, soft_search=soft_search)
    output = train(model).bake(tmp_path)
    assert output.get_float_custom_property("largest_score_difference") > 1e-5
    assert output.get_int_custom_property("baked_table_bytes") > 0


def test_what_tables_in_fewer_bits_change_is_noted_not_refused(eta, tmp_path):
    properties = PROPERTIES | {"export": ExportConfig(table_type="int8").to_json()}
    output = eta.bake(tmp_path, properties)
    assert 1e-5 < output.get_float_custom_property("largest_score_difference") < 0.2
    assert tf.int8 in saved_types(output)


def test_a_compiled_model_is_proven_too(eta, tmp_path):
    properties = PROPERTIES | {"export": ExportConfig(jit_compile=True).to_json()}
    output = eta.bake(tmp_path, properties)
    assert output.get_float_custom_property("largest_score_difference") <= 1e-5
    saved_model = Path(path_utils.serving_model_path(output.uri)) / "saved_model.pb"
    assert b"_XlaMustCompile" in saved_model.read_bytes()


@pytest.mark.parametrize("rate", [0.5, 1e-3])
def test_calibrated_scores_are_proven_as_closely_as_others(certain, tmp_path, rate):
    """Of a model that is certain of some candidates, where a correction would lose digits."""
    properties = PROPERTIES | {"export": ExportConfig(negative_sampling_rate=rate).to_json()}
    output = certain.bake(tmp_path, properties)
    assert output.get_float_custom_property("largest_score_difference") <= 1e-6


def test_a_calibration_that_the_scores_do_not_have_is_refused(plain):
    """As if the correction of the baked model had been forgotten, or made twice."""
    path = path_utils.serving_model_path(str(plain.folder / "trained"))
    _, difference = largest_score_difference(path, path, wire_batches(), 0.5)
    assert difference > 0.05


def test_an_empty_split_proves_nothing_and_is_refused(plain, tmp_path):
    with pytest.raises(ValueError, match="the split is empty"):
        plain.bake(tmp_path, records=[])


def test_scores_that_are_not_numbers_are_refused(train, transform_output, tmp_path):
    model = spread_model("none", transform_output)
    model.head.logit.bias.assign([np.nan])
    with pytest.raises(ValueError, match="differ by nan"):
        train(model).bake(tmp_path)
