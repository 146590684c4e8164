import pytest

from lifelong.experiments.variant import parse_variant
from lifelong.models.config import ModelConfig, TrainingConfig
from lifelong.models.long_term import LONG_TERM_PARTS

MODEL, TRAINING = ModelConfig(heads=2, hidden=(16,)), TrainingConfig(epochs=7)


def parse(name):
    return parse_variant(name, MODEL, TRAINING)


@pytest.mark.parametrize("part", LONG_TERM_PARTS)
def test_a_long_term_part_alone_changes_nothing_else(part):
    variant = parse(part)
    assert variant.name == variant.kind == variant.model.long_term == part
    assert {**vars(variant.model), "long_term": MODEL.long_term} == vars(MODEL)
    assert variant.training == TRAINING


def test_fields_are_changed_with_the_types_they_have():
    variant = parse("none+hidden=[32,8]+dropout=0+short_term=dien+training.learning_rate=1e+3")
    assert variant.kind == "none"
    assert variant.model.hidden == (32, 8)
    assert variant.model.heads == 2
    assert variant.model.dropout == 0.0
    assert variant.model.short_term == "dien"
    assert variant.training.learning_rate == 1000.0
    assert variant.training.epochs == 7


def test_gbdt_is_a_name():
    assert parse("gbdt").kind == "gbdt"


def test_the_fields_of_gbdt_are_its_own():
    assert "category_popularity" not in parse("gbdt").gbdt.features
    variant = parse("gbdt+category_popularity=true+max_leaf_nodes=[7, 15]")
    assert "category_popularity" in variant.gbdt.features
    assert variant.gbdt.max_leaf_nodes == (7, 15)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("etta", "'etta' is unknown; choose from none, .*eta.*, gbdt"),
        ("", "'' is unknown"),
        ("eta+headz=3", "'headz' is not a field; choose from .*heads, .*training.epochs"),
        ("eta+epochs=3", "'epochs' is not a field; choose from .*training.epochs"),
        ("eta+heads", "heads has no value; expected heads=VALUE"),
        ("eta+heads=many", "model.heads"),
        ("eta+heads=0", "model.heads is 0; it must be at least 1"),
        ("eta+short_term=din", "target_attention"),
        ("eta+long_length=200", "long_length cannot be changed, the records were made"),
        ("eta+short_length=5", "short_length cannot be changed"),
        ("eta+training.min_count=2", "min_count cannot be changed, the vocabularies"),
        ("eta+training.seed=2", "seed cannot be changed, the seeds are an option"),
        ("eta+long_term=none", "long_term cannot be changed, it is the first part of the name"),
        ("gbdt+heads=3", "'heads' is not a field; choose from .*category_popularity"),
        ("gbdt+seed=3", "'seed' is not a field"),
    ],
)
def test_a_name_that_makes_no_sense_is_refused_and_told_what_exists(name, message):
    with pytest.raises(ValueError, match=f"(?s)model '{name.replace('+', '.')}': .*{message}"):
        parse(name)
