import csv
import dataclasses
import errno
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models import fitting
from lifelong.models.config import SoftSearchConfig, TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.fitting import fit, fit_passes, validation_aucs
from lifelong.models.reader import count_requests, request_dataset
from lifelong.models.records import record_spec
from lifelong.models.trained import load_trained, restore_trained, save_trained
from lifelong.models.training import begin
from tests.sample_models import SMALL, small_spec
from tests.sample_records import make_records, write_records

pytestmark = pytest.mark.slow

TRAINING = TrainingConfig(epochs=4, batch_size=8, learning_rate=0.01, patience=10, pool_users=8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """What reads training batches, their number of requests, and validation batches."""
    path = write_records(make_records(users=24), tmp_path_factory.mktemp("data") / "records.gz")
    spec = record_spec(())

    def batches(shuffle):
        return request_dataset([path], spec, SMALL.window, 8, pool_users=8, shuffle=shuffle)

    return lambda: batches(True), count_requests([path], spec), batches(False)


@pytest.fixture
def fit_new(data, transform_output):
    """Trains a new model on the batches."""

    def fit_of(spec, config, checkpoints, logs):
        return fit(begin(spec, config, transform_output), config, *data, checkpoints, logs)

    return fit_of


def logged_epochs(checkpoints):
    with (checkpoints / "epochs.csv").open() as rows:
        return [(int(row["epoch"]), float(row["val_auc"])) for row in csv.DictReader(rows)]


def auc(model, batches):
    model.compile()
    return model.evaluate(batches, verbose=0, return_dict=True)["auc"]


def test_the_best_epochs_weights_are_kept(fit_new, data, tmp_path, capsys):
    model = fit_new(small_spec("eta"), TRAINING, tmp_path / "checkpoints", str(tmp_path / "logs"))
    epochs = logged_epochs(tmp_path / "checkpoints")
    assert len(epochs) == TRAINING.epochs
    aucs = [value for _, value in epochs]
    assert auc(model, data[2]) == pytest.approx(max(aucs), abs=1e-4)
    assert list((tmp_path / "logs").rglob("events.*"))
    told = "the last of 4 epochs was the best one" in capsys.readouterr().out
    assert told == (aucs[-1] == max(aucs))


def test_every_epoch_sees_about_every_request(fit_new, data, tmp_path, capsys):
    _, requests, validation = data
    fit_new(small_spec("none"), TRAINING, tmp_path / "checkpoints", str(tmp_path / "logs"))
    assert capsys.readouterr().out.count("validation loss") == TRAINING.epochs
    assert requests == sum(len(batch["user"]) for batch in validation)


def test_an_interrupted_training_goes_on_from_its_last_epoch(fit_new, data, tmp_path, monkeypatch):
    checkpoints = tmp_path / "checkpoints"
    after_two = TrainingConfig(**{**TRAINING.__dict__, "epochs": 2})
    fit_new(small_spec("eta"), after_two, checkpoints, str(tmp_path / "logs"))
    model = fit_new(small_spec("eta"), TRAINING, checkpoints, str(tmp_path / "logs"))
    epochs = logged_epochs(checkpoints)
    assert [epoch for epoch, _ in epochs] == [0, 1, 2, 3]
    best = max(value for _, value in epochs)
    assert auc(model, data[2]) == pytest.approx(best, abs=1e-4)


class FullDisk:
    """A model whose weights find no room."""

    def save_weights(self, path):
        Path(path).write_bytes(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_interrupted_training_ends_as_it_would_have(fit_new, tmp_path):
    """In all its numbers: order of the requests, dropped values, patience, best epoch."""
    config = dataclasses.replace(TRAINING, epochs=6, patience=2)
    spec = small_spec("eta", dropout=0.5)
    whole = fit_new(spec, config, tmp_path / "whole", str(tmp_path / "logs"))
    for epochs in (1, 3, 6, 6):
        part = dataclasses.replace(config, epochs=epochs)
        model = fit_new(spec, part, tmp_path / "killed", str(tmp_path / "logs"))
    assert logged_epochs(tmp_path / "killed") == logged_epochs(tmp_path / "whole")
    assert_same(weights_of_all(whole), weights_of_all(model))


def weights_of_all(model):
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.mark.parametrize(
    ("aucs", "best", "over"),
    [
        ([], -np.inf, False),
        ([0.7], 0.7, False),
        ([0.7, 0.6], 0.7, False),
        ([0.7, 0.6, 0.7], 0.7, True),
        ([0.7, 0.6, 0.8], 0.8, False),
    ],
)
def test_patience_goes_on_where_it_was_interrupted(aucs, best, over, tmp_path):
    callback = fitting._BestEpoch(tmp_path / "weights", aucs, patience=2)
    assert callback.auc == best
    assert callback.is_over == over


def test_the_best_weights_so_far_are_not_lost_to_a_full_disk(tmp_path):
    path = tmp_path / "best.weights.h5"
    path.write_bytes(b"the best so far")
    weights = fitting._BestEpoch(path, [0.7], patience=5)
    weights.set_model(FullDisk())
    weights.on_epoch_end(3, {"val_auc": 0.69})
    with pytest.raises(OSError, match="No space left"):
        weights.on_epoch_end(4, {"val_auc": 0.71})
    assert path.read_bytes() == b"the best so far"


def test_half_a_line_that_a_full_disk_left_is_no_epoch(tmp_path):
    log = tmp_path / "epochs.csv"
    assert validation_aucs(tmp_path) == []
    fitting._cut_unfinished_line(log)
    log.write_text("epoch,auc,val_auc,val_loss\n0,0.6,0.7,0.3\n1,0.6,0.8")
    fitting._cut_unfinished_line(log)
    assert log.read_text() == "epoch,auc,val_auc,val_loss\n0,0.6,0.7,0.3\n"
    assert validation_aucs(tmp_path) == [0.7]


def test_an_epoch_that_a_kill_made_it_train_again_counts_once(tmp_path):
    """The second epoch was logged, but not yet backed up: its weights of the first time are kept."""
    log = "epoch,val_auc\n0,0.6\n1,0.8\n1,0.7\n2,0.65\n"
    (tmp_path / "epochs.csv").write_text(log)
    assert validation_aucs(tmp_path) == [0.6, 0.8, 0.65]


def test_training_stops_when_validation_stops_improving(fit_new, data, tmp_path):
    hasty = TrainingConfig(epochs=30, batch_size=8, learning_rate=0.3, patience=1, pool_users=8)
    tf.keras.utils.set_random_seed(0)
    fit_new(small_spec("eta"), hasty, tmp_path / "checkpoints", str(tmp_path / "logs"))
    values = [value for _, value in logged_epochs(tmp_path / "checkpoints")]
    assert len(values) < 30
    assert np.argmax(values) == len(values) - 2


def test_without_a_validation_all_epochs_are_trained_and_the_last_one_kept(
    data, transform_output, tmp_path, capsys
):
    read_train, requests, _ = data
    weights = []
    for folder, epochs in (("whole", 2), ("killed", 1), ("killed", 2)):
        config = dataclasses.replace(TRAINING, epochs=epochs)
        model = begin(small_spec("none"), config, transform_output)
        logs = str(tmp_path / "logs")
        fit(model, config, read_train, requests, None, tmp_path / folder, logs)
        weights.append([v.numpy() for v in model.trainable_variables])
    assert "validation" not in capsys.readouterr().out
    assert share_of_moved(weights[1], weights[2]) > 0.9
    assert [
        float(row["epoch"]) for row in csv.DictReader((tmp_path / "killed" / "epochs.csv").open())
    ] == [0, 1]


def soft_spec(**config):
    search = SoftSearchConfig(dim=4, sampled_length=6, ahead_epochs=2)
    return small_spec("sim_soft", soft_search=search, **config)


def weights_of(model):
    """Weights of the search, and of the rest of the model."""
    space, auxiliary = model.long_term.space, model.long_term.auxiliary
    search = [
        *(table.embeddings for table in (space.item, space.category)),
        *(space.event_kernel, space.candidate_kernel, space.category_of_item),
        *auxiliary.weights,
    ]
    own = {id(variable) for variable in search}
    rest = [v for v in model.weights if id(v) not in own and "auc" not in v.name]
    return [[variable.numpy() for variable in group] for group in (search, rest)]


def assert_same(before, after):
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def share_of_moved(before, after):
    return np.mean([np.any(one != other) for one, other in zip(before, after, strict=True)])


def test_a_search_that_is_the_attentions_own_is_trained_ahead_with_the_model(
    fit_new, tmp_path, monkeypatch, capsys
):
    def only_ahead(model, *arguments):
        before = [variable.numpy() for variable in model.trainable_variables]
        fit_search(model, *arguments)
        moved.append(share_of_moved(before, model.trainable_variables))

    moved, fit_search = [], fitting._fit_search
    monkeypatch.setattr(fitting, "_fit_search", only_ahead)
    one_epoch = dataclasses.replace(TRAINING, epochs=1)
    fit_new(small_spec("twin"), one_epoch, tmp_path / "checkpoints", str(tmp_path / "logs"))
    assert "epochs ahead, for the search: 1" in capsys.readouterr().out
    assert moved[0] > 0.9


@pytest.fixture
def stages(monkeypatch):
    """Weights of a model before and after its search was trained alone."""
    recorded = []
    fit_search = fitting._fit_search

    def spy(model, *arguments):
        recorded.append(weights_of(model))
        fit_search(model, *arguments)
        recorded.append(weights_of(model))

    monkeypatch.setattr(fitting, "_fit_search", spy)
    return recorded


def test_a_search_trained_ahead_moves_alone_and_then_not_at_all(fit_new, data, tmp_path, stages):
    # DIEN has a loss of its own, which must not move anything meanwhile.
    one_epoch = TrainingConfig(**{**TRAINING.__dict__, "epochs": 1})
    spec = soft_spec(short_term="dien")
    model = fit_new(spec, one_epoch, tmp_path / "checkpoints", str(tmp_path / "logs"))
    (search, rest), (trained_search, same_rest) = stages
    assert share_of_moved(search, trained_search) == 1
    assert share_of_moved(rest, same_rest) == 0
    final_search, final_rest = weights_of(model)
    assert_same(trained_search, final_search)
    assert share_of_moved(rest, final_rest) > 0.9
    # What was frozen is saved, and found again.
    save_trained(model, str(tmp_path / "trained"))
    again = load_trained(str(tmp_path / "trained"))
    for batch in data[2].take(3):
        np.testing.assert_array_equal(model(batch), again(batch))


def test_an_interrupted_training_does_not_train_the_search_again(
    fit_new, data, tmp_path, stages, capsys, monkeypatch
):
    checkpoints, logs = tmp_path / "checkpoints", str(tmp_path / "logs")

    def killed(model, path):
        Path(path).write_bytes(b"half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(CTRModel, "save_weights", killed)
        with pytest.raises(KeyboardInterrupt):
            fit_new(soft_spec(), TRAINING, checkpoints, logs)
    assert capsys.readouterr().out.count("epochs ahead") == 1
    # Killed before its end, the search is trained from the beginning; after it, never again.
    one_epoch = TrainingConfig(**{**TRAINING.__dict__, "epochs": 1})
    two_epochs = TrainingConfig(**{**TRAINING.__dict__, "epochs": 2})
    first = fit_new(soft_spec(), one_epoch, checkpoints, logs)
    assert capsys.readouterr().out.count("epochs ahead") == 1
    second = fit_new(soft_spec(), two_epochs, checkpoints, logs)
    assert capsys.readouterr().out.count("epochs ahead") == 0
    assert [epoch for epoch, _ in logged_epochs(checkpoints)] == [0, 1]
    assert_same(weights_of(first)[0], weights_of(second)[0])
    best = max(value for _, value in logged_epochs(checkpoints))
    assert auc(second, data[2]) == pytest.approx(best, abs=1e-4)


def test_a_model_is_trained_on_pass_by_pass_and_goes_on_where_it_was_saved(
    transform_output, data, tmp_path
):
    read_train, requests, _ = data
    seen = []

    def note(batch):
        tf.py_function(lambda count: seen.append(int(count)), [tf.size(batch["user"])], [])
        return batch

    model = begin(small_spec("eta"), TRAINING, transform_output)
    before = model.embeddings.item.embeddings.numpy()
    fit_passes(model, read_train().map(note), 2)
    assert sum(seen) == 2 * requests
    assert np.abs(model.embeddings.item.embeddings - before).max() > 0.01
    save_trained(model, str(tmp_path))
    other = begin(small_spec("eta"), TRAINING, transform_output)
    np.testing.assert_array_equal(other.embeddings.item.embeddings, before)
    restore_trained(other, str(tmp_path))
    for ours, theirs in zip(
        [*other.weights, *other.optimizer.variables],
        [*model.weights, *model.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_training_goes_on_from_a_uri(fit_new, data, tmp_path, capsys):
    uri = "ram://training/checkpoints"
    for epochs in (1, 2):
        training = dataclasses.replace(TRAINING, epochs=epochs)
        model = fit_new(small_spec("none"), training, uri, str(tmp_path / "logs"))
    assert capsys.readouterr().out.count("goes on where it was interrupted") == 1
    with tf.io.gfile.GFile(f"{uri}/epochs.csv") as file:
        rows = list(csv.DictReader(file))
    tf.io.gfile.rmtree(uri)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    best = max(float(row["val_auc"]) for row in rows)
    assert auc(model, data[2]) == pytest.approx(best, abs=1e-4)


def test_a_trained_model_may_lie_at_a_uri(transform_output, data):
    model = begin(small_spec("eta"), TRAINING, transform_output)
    save_trained(model, "ram://trained/model")
    assert_same(load_trained("ram://trained/model").get_weights(), model.get_weights())
    with pytest.raises(FileNotFoundError, match="ram://trained/nothing holds no trained model"):
        load_trained("ram://trained/nothing")
