import dataclasses

import numpy as np
import pytest

from lifelong.components.evaluation.grouped_auc import grouped_auc
from lifelong.models.gbdt.classifier import GbdtConfig, train_gbdt
from lifelong.models.gbdt.record_rows import join_events, read_records
from tests.sample_records import make_record, make_statistics, write_records

ONE_TRIAL = GbdtConfig(
    learning_rate=(0.1,),
    max_leaf_nodes=(7,),
    min_samples_leaf=(5,),
    l2_regularization=(0.0,),
    max_iterations=30,
)


def clicks_on_known_items(record):
    """The record with clicks where the user had the item before, and on no other candidate."""
    request = np.repeat(np.arange(len(record["request_events"])), record["request_candidates"])
    known = [
        item in record["history_item"][: record["request_events"][owner]]
        for owner, item in zip(request, record["candidate_item"], strict=True)
    ]
    return record | {"candidate_label": np.array(known, np.float32), "events_before_record": [0]}


def records_of(users, seed):
    rng = np.random.default_rng(seed)
    return [clicks_on_known_items(make_record(rng, user, events=60, requests=10)) for user in users]


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    users = {"train": range(40), "validation": range(100, 120), "eval": range(200, 220)}
    return {
        split: [write_records(records_of(of, seed), folder / f"{split}.gz")]
        for seed, (split, of) in enumerate(users.items())
    }


@pytest.fixture(scope="module")
def model(splits):
    return train_gbdt(splits["train"], splits["validation"], ONE_TRIAL)


def test_what_decides_the_label_is_learned(model, splits):
    scores = model.score(splits["eval"])
    assert grouped_auc(scores.user, scores.label, scores.score).auc > 0.99
    assert np.all((scores.score >= 0) & (scores.score <= 1))


def test_scores_describe_the_candidates_in_the_order_of_the_files(model, splits):
    scores = model.score(splits["eval"])
    _, requests = read_records(splits["eval"])
    assert scores.request[0] == 0
    assert scores.request[-1] == len(requests.user) - 1
    np.testing.assert_array_equal(scores.request, requests.request)
    np.testing.assert_array_equal(scores.user, requests.user[requests.request])
    np.testing.assert_array_equal(scores.history_events, requests.history_events[requests.request])
    np.testing.assert_array_equal(scores.label, requests.label)
    assert scores.absent_events == 0


def test_a_feature_left_out_is_not_used(splits, model):
    blind = dataclasses.replace(ONE_TRIAL, popularity=False)
    without = train_gbdt(splits["train"], splits["validation"], blind)
    assert without.classifier.n_features_in_ == model.classifier.n_features_in_ - 1
    assert without.score(splits["eval"]).score.shape == model.score(splits["eval"]).score.shape


def test_the_winner_has_the_lowest_validation_loss_of_all_combinations(splits):
    config = dataclasses.replace(
        ONE_TRIAL, learning_rate=(0.001, 0.2), max_leaf_nodes=(2, 7), max_iterations=10
    )
    model = train_gbdt(splits["train"], splits["validation"], config)
    losses = [trial.log_loss for trial in model.trials]
    assert len(losses) == 4
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]
    best = model.trials[0]
    assert best.parameters["learning_rate"] == 0.2
    assert model.classifier.get_params() | best.parameters == model.classifier.get_params()
    assert model.classifier.random_state == config.seed


def test_the_reported_loss_is_that_of_the_model_on_validation(model, splits):
    scores = model.score(splits["validation"])
    chance = np.where(scores.label > 0, scores.score, 1 - scores.score)
    assert -np.mean(np.log(chance)) == pytest.approx(model.trials[0].log_loss, rel=1e-9)


def test_iterations_stop_where_validation_gets_worse(splits, tmp_path):
    flipped = [
        record | {"candidate_label": 1 - record["candidate_label"]}
        for record in records_of(range(100, 120), seed=1)
    ]
    validation = [write_records(flipped, tmp_path / "flipped.gz")]
    model = train_gbdt(splits["train"], validation, ONE_TRIAL)
    assert model.trials[0].iterations == model.classifier.n_iter_ == 1


def test_histories_are_joined_with_those_of_training(splits, model, tmp_path):
    # A later record of a user of train: three of the events between are in no record.
    events = join_events([read_records(splits["train"])[0]])
    mine = np.flatnonzero(events.user == 7)
    held, item = len(mine), int(events.item[mine[0]])
    record = {
        "user": [7],
        "events_before_record": [held + 3],
        "history_item": [5],
        "history_category": [5],
        "history_timestamp": [2_000_000_000],
        "request_timestamp": [2_000_000_100],
        "request_events": [1],
        "request_candidates": [2],
        "candidate_item": [item, 10**6],
        "candidate_category": [item % 7, 5],
        "candidate_label": np.array([1, 0], np.float32),
        **make_statistics(0, requests=1, candidates=2),
    }
    files = [write_records([record], tmp_path / "later.gz")]
    _, features = model.featurise(files)
    count = features.names.index("item_count")
    assert features.values[:, count].tolist() == [np.sum(events.item[mine] == item), 0]
    scores = model.score(files)
    assert scores.absent_events == 3
    assert scores.history_events.tolist() == [held + 4] * 2
    assert scores.score[0] > scores.score[1]


def test_the_same_configuration_gives_the_same_scores(splits, model):
    again = train_gbdt(splits["train"], splits["validation"], ONE_TRIAL)
    np.testing.assert_array_equal(
        model.score(splits["eval"]).score, again.score(splits["eval"]).score
    )


@pytest.mark.parametrize("split", ["train", "validation"])
def test_one_label_only_is_an_error_that_names_the_split(splits, split, tmp_path):
    records = [
        record | {"candidate_label": np.zeros_like(record["candidate_label"])}
        for record in records_of(range(5), seed=0)
    ]
    files = splits | {split: [write_records(records, tmp_path / "zeros.gz")]}
    with pytest.raises(ValueError, match=f"{split}_files: the .* candidates have one label only"):
        train_gbdt(files["train"], files["validation"], ONE_TRIAL)


@pytest.mark.parametrize("change", [{"learning_rate": ()}, {"max_iterations": 0}])
def test_a_configuration_that_tries_nothing_is_an_error(change):
    with pytest.raises(ValueError, match=f"`{next(iter(change))}` is"):
        GbdtConfig(**change)
