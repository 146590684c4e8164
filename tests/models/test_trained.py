import json

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.trained import SPEC_FILE, load_trained, read_spec, save_trained
from tests.sample_models import small_spec, spread

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model, and its weights."""
    folder = str(tmp_path_factory.mktemp("trained"))
    model = spread(small_spec("eta"))
    save_trained(model, folder)
    return folder, model.get_weights()


def change_specification(folder, change):
    path = f"{folder}/{SPEC_FILE}"
    with tf.io.gfile.GFile(path) as file:
        fields = json.loads(file.read())
    change(fields)
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(fields))


def test_tables_are_made_of_what_was_saved_and_of_nothing_before(saved, monkeypatch):
    """Random numbers first would need the memory of the tables once more."""
    folder, weights = saved
    monkeypatch.setattr(tf.keras.initializers.RandomNormal, "__call__", None)
    for one, other in zip(load_trained(folder).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_lacks_a_variable_is_refused(tmp_path):
    save_trained(spread(small_spec("eta")), str(tmp_path))
    change_specification(tmp_path, lambda fields: fields["model"].update(cross_layers=2))
    with pytest.raises(AssertionError):
        load_trained(str(tmp_path))


@pytest.mark.parametrize("name", ["item", "user"])
def test_a_table_of_another_size_is_refused(name, tmp_path):
    save_trained(spread(small_spec("eta")), str(tmp_path))
    change_specification(tmp_path, lambda fields: fields["vocabulary_sizes"].update({name: 5}))
    with pytest.raises(ValueError, match="shape"):
        load_trained(str(tmp_path))


def test_a_model_with_fields_of_another_version_is_refused_by_its_file_and_what_to_do(tmp_path):
    fields = json.loads(small_spec("sim_soft").to_json())
    fields["model"]["soft_search"]["neighbors"] = 128
    (tmp_path / SPEC_FILE).write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"model\.json: .*neighbors is not a field.* train a new"):
        read_spec(str(tmp_path))
