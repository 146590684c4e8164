import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from lifelong.experiments import network_trial
from lifelong.experiments.metrics import metrics_by_history
from lifelong.experiments.network_trial import NetworkTrial, finished_training
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import export_model
from lifelong.models.reader import count_requests, serialized_records
from lifelong.models.records import record_spec
from lifelong.models.scores import CandidateScores
from lifelong.models.trained import TRAINED_FOLDER, load_trained
from tests.experiments import fake_trials

pytestmark = pytest.mark.slow


def test_everything_is_measured(finished, data):
    measured = finished.measured
    assert measured.metrics[0].history == "all"
    assert 0 < measured.metrics[0].auc < 1
    assert 0 < measured.validation_auc < 1
    assert measured.ranking_ms > 0
    assert [row.items for row in measured.by_item] == ["known", "unknown", "unseen"]
    assert measured.epochs == 2
    assert measured.best_epoch in (1, 2)
    requests = count_requests(data.raw_files("train"), record_spec(()))
    seen = measured.training_requests_per_s * measured.training_seconds
    assert seen == pytest.approx(measured.epochs * requests)


@pytest.mark.parametrize("refit", [False, True])
def test_requests_of_epochs_ahead_of_the_model_are_trained_on_too(
    refit, variant, data, tmp_path, monkeypatch
):
    def train(spec, training, transform_output, files, validation, checkpoints, *args, **kwargs):
        (checkpoints / "epochs.csv").write_text("epoch,val_auc\n0,0.7\n1,0.6\n")
        return CTRModel(spec)

    monkeypatch.setattr(network_trial, "train", train)
    monkeypatch.setattr(network_trial, "save_trained", lambda model, folder: None)
    name = f"twin+twin.ahead_epochs=3+training.refit={str(refit).lower()}"
    trained = NetworkTrial(variant(name), seed=1)._train(data, tmp_path)
    count = {
        split: count_requests(data.raw_files(split), record_spec(()))
        for split in ("train", "validation")
    }
    again = (count["train"] + count["validation"]) * (3 + 1) if refit else 0
    seen = trained.training_requests_per_s * trained.training_seconds
    assert seen == pytest.approx(count["train"] * (3 + 2) + again)


def test_the_metrics_are_those_of_the_exported_signature(finished, data, tmp_path):
    """The Evaluator's path: the SavedModel of the same weights, its signature on the records."""
    model = load_trained(str(finished.folder / TRAINED_FOLDER))
    export_model(model, data.transform_output(), str(tmp_path / "exported"))
    signature = tf.saved_model.load(str(tmp_path / "exported")).signatures["score_records"]
    records = next(iter(serialized_records(data.raw_files("eval")).batch(100)))
    outputs = {key: value.numpy() for key, value in signature(records=records).items()}
    candidates = outputs["request_candidates"]
    expected = metrics_by_history(
        CandidateScores(
            user=np.repeat(outputs["user"], candidates),
            request=np.repeat(np.arange(len(candidates)), candidates),
            item=outputs["candidate_item"],
            history_events=np.repeat(outputs["history_events"], candidates),
            label=outputs["candidate_label"],
            score=outputs["scores"].astype(np.float64),
        )
    )
    for ours, theirs in zip(finished.measured.metrics, expected, strict=True):
        assert dataclasses.asdict(ours) == pytest.approx(dataclasses.asdict(theirs), abs=1e-5)


def test_parameters_are_the_trained_ones(finished):
    model = load_trained(str(finished.folder / TRAINED_FOLDER))
    not_trained = int(tf.size(model.long_term.simhash.rotation))
    assert finished.measured.parameters == model.count_params() - not_trained


def test_the_result_depends_on_the_seed_and_not_on_what_was_trained_before(
    finished, data, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(network_trial, "measure_network", lambda *_: fake_trials.measured(0.5))
        dataclasses.replace(finished.trial, seed=4).run(data, tmp_path)
    other, first = (
        load_trained(str(folder / TRAINED_FOLDER)) for folder in (tmp_path, finished.folder)
    )
    assert np.abs(other.embeddings.item.embeddings - first.embeddings.item.embeddings).max() > 0.1
    again = finished.trial.run(data, tmp_path)
    assert again.metrics == finished.measured.metrics
    assert again.validation_auc == finished.measured.validation_auc


def test_a_finished_training_is_only_measured_again(finished, data, monkeypatch):
    monkeypatch.setattr(network_trial, "train", None)
    again = finished.trial.run(data, finished.folder)
    assert again.metrics == finished.measured.metrics
    assert again.training_seconds == finished.measured.training_seconds


def test_another_configuration_does_not_find_the_training(finished, data, variant):
    trial, _, folder = finished
    assert finished_training(trial, data, folder) is not None
    for other in (NetworkTrial(variant("eta+heads=1"), 3), NetworkTrial(variant("eta"), 4)):
        assert finished_training(other, data, folder) is None
    moved = dataclasses.replace(data, transform_graph=data.transform_graph + "/")
    assert finished_training(trial, moved, folder) is None


def test_an_interrupted_training_goes_on_and_an_other_ones_checkpoints_are_left(
    variant, data, tmp_path, monkeypatch, capsys
):
    one_epoch = NetworkTrial(variant("none+training.epochs=1"), seed=1)
    two_epochs = NetworkTrial(variant("none+training.epochs=2"), seed=1)
    (tmp_path / "checkpoints").mkdir()

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(network_trial, "save_trained", interrupted)
        with pytest.raises(KeyboardInterrupt):
            one_epoch.run(data, tmp_path)
    # As if the longer training had been killed after its first epoch.
    left = tmp_path / "checkpoints" / one_epoch.fingerprint(data)
    left.rename(left.with_name(two_epochs.fingerprint(data)))
    monkeypatch.setattr(network_trial, "measure_network", lambda *_: fake_trials.measured(0.5))
    measured = two_epochs.run(data, tmp_path)
    output = capsys.readouterr().out
    assert "goes on where it was interrupted" in output
    assert output.count("epoch 2/2") == 1
    assert "epoch 1/2" not in output
    assert measured.epochs == 2
    assert not (tmp_path / "checkpoints").exists()


def test_an_interrupted_trainings_time_counts_up_to_its_last_epoch(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(network_trial.time, "time", lambda: now[0])
    assert network_trial.start_clock(tmp_path) == 0
    # Killed before its first epoch ended.
    now[0] = 2000.0
    assert network_trial.start_clock(tmp_path) == 0
    (tmp_path / "epochs.csv").write_text("")
    os.utime(tmp_path / "epochs.csv", (2300.0, 2300.0))
    now[0] = 9000.0
    assert network_trial.start_clock(tmp_path) == 300.0
    # Killed again, with no further epoch.
    now[0] = 9500.0
    assert network_trial.start_clock(tmp_path) == 300.0
    os.utime(tmp_path / "epochs.csv", (9600.0, 9600.0))
    now[0] = 9900.0
    assert network_trial.start_clock(tmp_path) == 400.0
