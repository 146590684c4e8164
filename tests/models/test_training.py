import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lifelong.data.contract import VERSION, DataContract
from lifelong.models import training
from lifelong.models.config import TrainingConfig
from lifelong.models.training import train
from tests.sample_models import small_spec, transform_records
from tests.sample_records import make_records, write_records

ONE_EPOCH = TrainingConfig(epochs=1, batch_size=8, learning_rate=0.01, pool_users=8)
REFIT = dataclasses.replace(ONE_EPOCH, refit=True)


@pytest.fixture(scope="module")
def files(transform_output, tmp_path_factory):
    """Transformed records of a training and a validation split."""
    folder = tmp_path_factory.mktemp("records")
    return [
        write_records(transform_records(make_records(users=9, seed=seed), transform_output), path)
        for seed, path in enumerate((folder / "train.gz", folder / "validation.gz"))
    ]


@pytest.fixture
def train_on(transform_output, tmp_path):
    """Trains a small model; checkpoints of a name are gone on from."""

    def train_of(config, train_files, validation_files, name="checkpoints"):
        spec = small_spec("none")
        files = (train_files, validation_files)
        return train(
            spec, config, transform_output, *files, tmp_path / name, str(tmp_path / "logs")
        )

    return train_of


@pytest.mark.parametrize("contract", [None, DataContract(VERSION, id_space="shop-7")])
def test_the_data_contract_reaches_the_specification(transform_output, contract):
    config = {"model": {"long_term": "sim_hard"}, "features": []}
    if contract is not None:
        config["data_contract"] = vars(contract)
    assert training.make_spec(config, transform_output).data_contract == contract


@pytest.mark.slow
def test_a_refit_is_a_training_on_both_splits_from_the_start(train_on, files):
    first, second = files
    refit = train_on(REFIT, [first], [second], "refit")
    both = train_on(ONE_EPOCH, [first, second], [second], "both")
    alone = train_on(ONE_EPOCH, [first], [second], "alone")
    for ours, theirs in zip(refit.get_weights(), both.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    kernels = [model.head.logit.kernel.numpy() for model in (refit, alone)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3


def test_a_refit_has_the_epochs_that_validation_chose_whatever_interrupted_it(
    train_on, files, monkeypatch, capsys
):
    fitted = []

    def fit(model, config, batches, requests, validation, checkpoints, logs):
        Path(checkpoints).mkdir(parents=True, exist_ok=True)
        fitted.append((config.epochs, validation is None))
        if validation is None and len(fitted) == 2:
            raise KeyboardInterrupt
        return model

    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(training, "validation_aucs", lambda checkpoints: [0.5, 0.7, 0.8, 0.7])
    five = dataclasses.replace(REFIT, epochs=5)
    with pytest.raises(KeyboardInterrupt):
        train_on(five, files[:1], files[1:])
    train_on(five, files[:1], files[1:])
    assert fitted == [(5, False), (3, True), (3, True)]
    assert "validation chose 3 epochs" in capsys.readouterr().out
