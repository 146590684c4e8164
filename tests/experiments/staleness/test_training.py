import dataclasses

import pytest
import tensorflow as tf

from lifelong.experiments.staleness import training as staleness_training
from lifelong.experiments.staleness.plan import make_plan
from lifelong.experiments.staleness.training import WeeklyTraining
from lifelong.models.trained import load_trained
from lifelong.models.training import make_spec

pytestmark = pytest.mark.slow

WEEKS = 3


@pytest.fixture(scope="module")
def plan(data):
    return make_plan(data, WEEKS)


@pytest.fixture
def begin(data, plan, variant, tmp_path):
    """Begins a training whose weights lie under `tmp_path`, as a new process would."""
    eta = variant("eta")
    fields = {"model": dataclasses.asdict(eta.model), "features": []}
    spec = make_spec(fields, data.transform_output())
    folders = [tmp_path / str(point) / "weights" / "f" for point in range(WEEKS + 1)]
    training = dataclasses.replace(eta.training, epochs=2)
    return lambda: WeeklyTraining(spec, training, 3, plan, data, folders)


@pytest.fixture
def trained_on(monkeypatch):
    """Notes period, passes and requests of every training, which moves weights without a gradient."""
    noted, periods, make_batches = [], [], staleness_training.make_batches

    def note_period(*args, **kwargs):
        periods.append(kwargs["between"])
        return make_batches(*args, **kwargs)

    def fit_passes(model, batches, passes):
        noted.append((periods[-1], passes, sum(len(batch["user"]) for batch in batches)))
        model.optimizer.iterations.assign_add(passes)
        item = model.embeddings.item.embeddings
        item.assign_add(tf.ones_like(item))

    monkeypatch.setattr(staleness_training, "make_batches", note_period)
    monkeypatch.setattr(staleness_training, "fit_passes", fit_passes)
    return noted


def steps(folder):
    """Optimizer steps that a checkpoint has seen."""
    reader = tf.train.load_checkpoint(str(folder / "checkpoint"))
    (key,) = (
        key
        for key in reader.get_variable_to_shape_map()
        if key.startswith("optimizer/_iterations/")
    )
    return int(reader.get_tensor(key))


def moved(base, folder):
    """By how much the items have moved since the base."""
    items, before = (
        load_trained(str(path)).embeddings.item.embeddings.numpy() for path in (folder, base)
    )
    return pytest.approx((items - before).mean(), abs=1e-5)


def test_the_base_and_each_week_are_trained_on_by_themselves(begin, trained_on, plan):
    folder = begin().go_to(2)
    assert trained_on == [
        (plan.spans[0], 2, plan.requests[0]),
        (plan.spans[1], 3, plan.requests[1]),
        (plan.spans[2], 3, plan.requests[2]),
    ]
    # Weights of the base are kept for its index, those of the last week to go on from.
    assert [path.parts[-3] for path in sorted(folder.parents[2].glob("*/*/f"))] == ["0", "2"]


def test_a_killed_training_goes_on_from_its_last_week_with_its_optimizer(
    begin, trained_on, tmp_path
):
    base = begin().go_to(0)
    assert steps(base) == 2
    # Killed while it wrote the next week.
    (tmp_path / "1" / "weights" / "f.unfinished").mkdir(parents=True)
    first = begin().go_to(1)
    assert (steps(first), moved(base, first)) == (5, 1)
    again = begin()
    assert again.go_to(1) == first
    assert len(trained_on) == 2
    second = again.go_to(2)
    assert len(trained_on) == 3
    assert (steps(second), moved(base, second)) == (8, 2)


def test_a_point_whose_weights_are_gone_is_trained_again_from_the_base(begin, trained_on, plan):
    weekly = begin()
    base = weekly.go_to(0)
    last = weekly.go_to(2)
    first = weekly.go_to(1)
    assert len(trained_on) == 4
    assert (steps(first), moved(base, first)) == (5, 1)
    # Weeks that are there are not trained again.
    assert weekly.go_to(2) == last
    assert len(trained_on) == 4
    assert weekly.go_to(3).exists()
    assert trained_on[-1][0] == plan.spans[3]


def test_weights_of_other_settings_are_replaced(begin, trained_on, tmp_path):
    other = tmp_path / "0" / "weights" / "other"
    other.mkdir(parents=True)
    begin().go_to(0)
    assert [path.name for path in other.parent.iterdir()] == ["f"]
