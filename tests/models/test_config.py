import dataclasses
import json

import pytest

from lifelong.data.contract import VERSION, DataContract
from lifelong.data.features import Feature
from lifelong.models.config import ExportConfig, ModelSpec
from tests.sample_models import small_spec

CONTRACT = DataContract(VERSION, id_space="shop-7", category_taxonomy="2024-05")


def test_a_specification_is_read_as_it_was_written():
    spec = dataclasses.replace(small_spec("sim_hard"), data_contract=CONTRACT)
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_a_specification_of_before_the_data_contract_has_none():
    fields = json.loads(small_spec("eta").to_json())
    del fields["data_contract"]
    assert ModelSpec.from_json(json.dumps(fields)) == small_spec("eta")
    assert small_spec("eta").data_contract is None


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        ({"version": 1, "idspace": "a"}, r"data_contract\.idspace is not a field"),
        # As the first versions wrote it.
        (
            {"id_space": "user 'user'"},
            r"data_contract\.version is missing: .* `lifelong run` again",
        ),
    ],
)
def test_a_bad_data_contract_is_refused(contract, message):
    fields = json.loads(small_spec("eta").to_json())
    with pytest.raises(ValueError, match=message):
        ModelSpec.from_json(json.dumps({**fields, "data_contract": contract}))


def test_a_specification_of_before_there_was_a_choice_has_one_row_of_unknown_items():
    fields = json.loads(small_spec("eta").to_json())
    del fields["model"]["unknown_items"], fields["model"]["item_buckets"]
    assert ModelSpec.from_json(json.dumps(fields)) == small_spec("eta")
    assert small_spec("eta").model.unknown_items == "shared"


def test_a_specification_of_before_unknown_ids_came_first_is_refused():
    fields = json.loads(small_spec("eta").to_json())
    del fields["spare_rows"]
    with pytest.raises(ValueError, match=r"spare_rows is missing: another version of lifelong"):
        ModelSpec.from_json(json.dumps(fields))


def test_tables_have_a_block_of_unknown_items_the_vocabulary_and_spare_rows():
    spec = dataclasses.replace(
        small_spec("eta", unknown_items="category", item_buckets=5), spare_rows={"item": 9}
    )
    assert (spec.used_rows("item"), spec.table_rows("item")) == (75, 84)
    assert (spec.used_rows("user"), spec.table_rows("user")) == (41, 41)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"unknown_items": "hash"},
            r"model.unknown_items is 'hash'; expected one of shared, h",
        ),
        ({"item_buckets": 0}, r"model.item_buckets is 0; it must be at least 1"),
        ({"spare_share": -0.1}, r"model.spare_share is -0.1; it must be at least 0"),
    ],
)
def test_unknown_items_that_cannot_be_told_apart_so_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small_spec("eta", **changes)


@pytest.mark.parametrize("name", ["slot", "item"])
def test_names_of_the_wire_are_no_feature_names(name):
    with pytest.raises(ValueError, match=f"feature name '{name}': use .* none of .*slot"):
        Feature(name, "candidate")


def test_how_a_model_is_exported_is_read_as_it_was_written():
    export = ExportConfig(table_type="int8", jit_compile=True, negative_sampling_rate=0.25)
    assert ExportConfig.from_json(export.to_json()) == export
    assert ExportConfig.from_json("{}") == ExportConfig("float32", jit_compile=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"table_type": "int4"}', "export.table_type is 'int4'; expected one of float32, bfl"),
        ('{"table": "int8"}', "export.table is not a field; the fields are table_type, jit_comp"),
        ('{"negative_sampling_rate": 0}', "export.negative_sampling_rate is 0; expected the share"),
        ('{"negative_sampling_rate": -0.5}', "export.negative_sampling_rate is -0.5; expected"),
        ('{"negative_sampling_rate": 1.5}', "export.negative_sampling_rate is 1.5; .* at most 1"),
        ('{"negative_sampling_rate": NaN}', "export.negative_sampling_rate is nan; expected"),
    ],
)
def test_an_export_that_does_not_exist_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        ExportConfig.from_json(text)
