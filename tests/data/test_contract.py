import dataclasses
import json

import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.contract import NO_CONTRACT, VERSION, ContractError, DataContract
from lifelong.data.logs.config import LogColumns, LogConfig


def with_columns(**columns):
    return IngestConfig(behaviors=LogConfig("log.csv", columns=LogColumns(**columns))).contract


def test_it_names_the_columns_and_the_rule():
    assert with_columns(user="customer", category="kind") == DataContract(
        version=VERSION, user="customer", item="item", category="kind"
    )


def test_a_label_changes_its_own_half_alone():
    before = IngestConfig().contract.texts()
    for name in before:
        after = IngestConfig(**{name: "second"}).contract.texts()
        assert json.loads(after[name]) == {**json.loads(before[name]), name: "second"}
        assert {**after, name: before[name]} == before


def test_what_makes_no_ids_is_no_part_of_it():
    config = IngestConfig(behaviors=LogConfig("log.csv"))
    other = dataclasses.replace(config, behaviors=LogConfig("other/*.parquet"), window=7, seed=1)
    assert other.contract == config.contract
    assert with_columns(timestamp="at") == config.contract


def test_which_of_several_categories_is_taken_is_part_of_it():
    log = LogConfig("log.csv", category_separator="|")
    first = IngestConfig(behaviors=log).contract
    assert first == DataContract(VERSION, category_separator="|")
    assert DataContract.from_texts(first.texts()) == first


def test_categories_of_the_item_table_are_part_of_it():
    behaviors = LogConfig("log.csv", columns=LogColumns(category=""))
    items = LogConfig(
        "items.csv",
        columns=LogColumns(category="kind"),
        text_columns=("kind",),
        category_separator="|",
    )
    contract = IngestConfig(behaviors=behaviors, items=items).contract
    assert contract == DataContract(
        VERSION, category="items.kind", text="category", category_separator="|"
    )
    own = IngestConfig(behaviors=LogConfig("log.csv"), items=items).contract
    assert own == DataContract(VERSION)


def test_it_is_read_as_it_was_told():
    contract = DataContract(VERSION, "customer", "thing", "kind", "shop-7: Größe", "2024")
    assert DataContract.from_texts(contract.texts()) == contract
    assert DataContract.from_texts(NO_CONTRACT) is None


def test_a_contract_of_another_rule_is_refused_with_what_to_do():
    told = DataContract(VERSION + 1).texts()
    with pytest.raises(
        ContractError, match=rf"rule {VERSION + 1}, .* {VERSION}; run `lifelong run"
    ):
        DataContract.from_texts(told)
    # A sentence, as the first versions told it.
    old = dict.fromkeys(NO_CONTRACT, "user 'user', item 'item'; integers as they are")
    with pytest.raises(
        ContractError, match="is of an older version of lifelong; run `lifelong run"
    ):
        DataContract.from_texts(old)


@pytest.mark.parametrize(
    "field", ["user", "item", "category", "id_space", "category_taxonomy", "category_separator"]
)
def test_a_difference_is_named(field):
    contract = DataContract(VERSION)
    contract.check_equal(DataContract(VERSION), "the store", "the model")
    with pytest.raises(ContractError, match=f"the store has .* {field} .* the model 'other'"):
        contract.check_equal(
            dataclasses.replace(contract, **{field: "other"}), "the store", "the model"
        )
