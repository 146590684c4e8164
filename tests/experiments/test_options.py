from pathlib import Path

import pytest

from lifelong.commands.parser import make_parser
from lifelong.experiments.compare import make_trials
from lifelong.experiments.gbdt_trial import GbdtTrial
from lifelong.experiments.network_trial import NetworkTrial
from lifelong.experiments.options import CompareOptions, StalenessOptions, SweepOptions
from lifelong.models.long_term import LONG_TERM_PARTS
from lifelong.pipeline.config import Config


def test_models_and_seeds_can_be_set_from_the_command_line():
    parsed = make_parser().parse_args(
        ["compare", "--models=[eta,eta+heads=1]", "--once=[]", "--seeds=[1,2]"]
    )
    options = CompareOptions(**vars(parsed.compare))
    assert options.models == ("eta", "eta+heads=1")
    assert options.once == ()
    assert options.seeds == (1, 2)


def test_points_can_be_set_from_the_command_line():
    parsed = make_parser().parse_args(["sweep", "--bits=[8]", "--retrain=[32x16,8x4]"])
    options = SweepOptions(**vars(parsed.sweep))
    assert options.bits == (8,)
    assert options.retrained_points() == [(32, 16), (8, 4)]


def test_weeks_and_passes_can_be_set_from_the_command_line():
    parsed = make_parser().parse_args(["staleness", "--weeks=4", "--epochs=3", "--passes=2"])
    options = StalenessOptions(**vars(parsed.staleness))
    assert (options.weeks, options.epochs, options.passes, options.seed) == (4, 3, 2, 17)


@pytest.mark.parametrize("name", ["weeks", "epochs", "passes"])
def test_nothing_to_train_on_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0; it must be at least 1"):
        StalenessOptions(**{name: 0})


def test_the_output_is_in_the_workdir_unless_it_is_named(tmp_path):
    assert CompareOptions(workdir=str(tmp_path)).folder == tmp_path / "compare"
    assert CompareOptions(output=str(tmp_path / "x")).folder == tmp_path / "x"
    assert SweepOptions(workdir=str(tmp_path)).folder == tmp_path / "sweep"
    assert SweepOptions(workdir=str(tmp_path)).compare_folder == tmp_path / "compare"
    assert StalenessOptions(workdir=str(tmp_path)).folder == tmp_path / "staleness"
    assert SweepOptions().folder == Path("workdir/sweep").resolve()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ()}, "models is empty"),
        ({"seeds": ()}, "seeds is empty"),
    ],
)
def test_nothing_to_compare_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CompareOptions(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": ()}, "bits is"),
        ({"events": (0, 4)}, "events is"),
        ({"retrain": ("32",)}, "retrain has '32'; expected MxK"),
        ({"retrain": ("0x4",)}, "retrain has '0x4'"),
        ({"retrain": ("M=32,K=16",)}, "expected MxK such as 64x48"),
    ],
)
def test_points_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SweepOptions(**options)


def test_the_first_seed_comes_first_for_all_models_then_the_others_for_those_with_several():
    options = CompareOptions(models=("none", "gbdt"), once=("eta", "none"), seeds=(7, 8, 8))
    trials = make_trials(options, Config())
    assert [(trial.name, trial.seed) for trial in trials] == [
        ("none", 7),
        ("gbdt", 7),
        ("eta", 7),
        ("none", 8),
        ("gbdt", 8),
    ]
    assert [type(trial) for trial in trials[:2]] == [NetworkTrial, GbdtTrial]
    assert trials[3].training.seed == 8


def test_the_defaults_name_every_long_term_part_and_can_be_read():
    trials = make_trials(CompareOptions(), Config())
    assert {trial.name for trial in trials} >= {*LONG_TERM_PARTS, "gbdt"}
    assert len({trial.slug for trial in trials}) == len(trials)
