import csv

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import TrainingConfig
from lifelong.models.reader import count_requests, request_dataset
from lifelong.models.records import record_spec
from lifelong.models.training import fit
from tests.sample_models import SMALL, small_spec
from tests.sample_records import make_records, write_records

TRAINING = TrainingConfig(epochs=4, batch_size=8, learning_rate=0.01, patience=10, pool_users=8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Training batches, their number of requests, and validation batches."""
    path = write_records(make_records(users=24), tmp_path_factory.mktemp("data") / "records.gz")
    spec = record_spec(())

    def batches(shuffle):
        return request_dataset([path], spec, SMALL.window, 8, pool_users=8, shuffle=shuffle)

    return batches(True), count_requests([path], spec), batches(False)


def logged_epochs(checkpoints):
    with (checkpoints / "epochs.csv").open() as rows:
        return [(int(row["epoch"]), float(row["val_auc"])) for row in csv.DictReader(rows)]


def auc(model, batches):
    model.compile()
    return model.evaluate(batches, verbose=0, return_dict=True)["auc"]


def test_the_best_epochs_weights_are_kept(data, tmp_path):
    model = fit(
        small_spec("eta"), TRAINING, *data, tmp_path / "checkpoints", str(tmp_path / "logs")
    )
    epochs = logged_epochs(tmp_path / "checkpoints")
    assert len(epochs) == TRAINING.epochs
    assert auc(model, data[2]) == pytest.approx(max(value for _, value in epochs), abs=1e-4)
    assert list((tmp_path / "logs").rglob("events.*"))


def test_every_epoch_sees_about_every_request(data, tmp_path, capsys):
    _, requests, validation = data
    fit(small_spec("none"), TRAINING, *data, tmp_path / "checkpoints", str(tmp_path / "logs"))
    assert capsys.readouterr().out.count("validation loss") == TRAINING.epochs
    assert requests == sum(len(batch["user"]) for batch in validation)


def test_an_interrupted_training_goes_on_from_its_last_epoch(data, tmp_path, monkeypatch):
    checkpoints = tmp_path / "checkpoints"
    after_two = TrainingConfig(**{**TRAINING.__dict__, "epochs": 2})
    fit(small_spec("eta"), after_two, *data, checkpoints, str(tmp_path / "logs"))
    model = fit(small_spec("eta"), TRAINING, *data, checkpoints, str(tmp_path / "logs"))
    epochs = logged_epochs(checkpoints)
    assert [epoch for epoch, _ in epochs] == [0, 1, 2, 3]
    best = max(value for _, value in epochs)
    assert auc(model, data[2]) == pytest.approx(best, abs=1e-4)


def test_training_stops_when_validation_stops_improving(data, tmp_path):
    hasty = TrainingConfig(epochs=30, batch_size=8, learning_rate=0.3, patience=1, pool_users=8)
    tf.keras.utils.set_random_seed(0)
    fit(small_spec("eta"), hasty, *data, tmp_path / "checkpoints", str(tmp_path / "logs"))
    values = [value for _, value in logged_epochs(tmp_path / "checkpoints")]
    assert len(values) < 30
    assert np.argmax(values) == len(values) - 2
