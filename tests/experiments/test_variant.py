from types import SimpleNamespace

import pytest

from lifelong.experiments.options import StalenessOptions, SweepOptions
from lifelong.experiments.staleness.experiment import staleness
from lifelong.experiments.sweep import sweep
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
    variant = parse("gbdt+patience=3+num_leaves=[7, 15]")
    assert variant.gbdt.patience == 3
    assert variant.gbdt.num_leaves == (7, 15)


def test_what_trees_read_is_chosen_as_for_networks():
    variant = parse("gbdt+evidence_length=100+statistics=false")
    assert variant.model.evidence_length == 100
    assert not variant.model.statistics


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
        (
            "eta+evidence_length=9000",
            "evidence_length is 9000, but the records were made for .*4000",
        ),
        ("gbdt+evidence_length=9000", "evidence_length is 9000, but the records were made for"),
        ("gbdt+heads=3", "'heads' is not a field; choose from .*patience, .*evidence_length"),
        ("gbdt+seed=3", "'seed' is not a field"),
    ],
)
def test_a_name_that_makes_no_sense_is_refused_and_told_what_exists(name, message):
    with pytest.raises(ValueError, match=f"(?s)model '{name.replace('+', '.')}': .*{message}"):
        parse(name)


@pytest.mark.parametrize(
    ("run", "options"), [(sweep, SweepOptions()), (staleness, StalenessOptions())]
)
def test_what_measures_on_validation_refuses_to_train_on_it(run, options):
    config = SimpleNamespace(model=ModelConfig(), training=TrainingConfig(refit=True))
    with pytest.raises(ValueError, match=f"training.refit is true, but `lifelong {run.__name__}`"):
        run(options, config, None)
