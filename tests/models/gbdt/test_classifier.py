import dataclasses

import numpy as np
import pytest

from lifelong.components.evaluation.grouped_auc import grouped_auc
from lifelong.models.gbdt.classifier import GbdtConfig, train_gbdt
from lifelong.models.gbdt.features import FeatureReader
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from tests.sample_records import make_record, write_records

READER = FeatureReader(evidence_length=60, statistics=True)

ONE_TRIAL = GbdtConfig(
    item_ids=(False,),
    learning_rate=(0.1,),
    num_leaves=(7,),
    min_data_in_leaf=(5,),
    lambda_l2=(0.0,),
    feature_fraction=(1.0,),
    cat_smooth=(1.0,),
    max_iterations=30,
)


def clicks_on_known_items(record):
    """The record with clicks where its events have the item before, and on no other candidate."""
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
    return train_gbdt(splits["train"], splits["validation"], READER, ONE_TRIAL)


def test_what_decides_the_label_is_learned(model, splits):
    scores = model.score(splits["eval"])
    assert grouped_auc(scores.user, scores.label, scores.score).auc > 0.99
    assert np.all((scores.score >= 0) & (scores.score <= 1))


def test_scores_describe_the_candidates_in_the_order_of_the_files(model, splits):
    scores = model.score(splits["eval"])
    candidates = READER.read(splits["eval"])
    for name in ("user", "request", "item", "history_events", "label"):
        np.testing.assert_array_equal(getattr(scores, name), getattr(candidates, name))


def test_a_batch_gets_the_scores_of_its_records(model, splits):
    batch = next(iter(request_dataset(splits["eval"], record_spec(()), 1, 1, evidence_length=60)))
    found = model.score_batch(batch)
    assert len(found) == batch["candidate_length"][0]
    np.testing.assert_array_equal(found, model.score(splits["eval"]).score[: len(found)])


def test_trees_that_are_not_told_what_decides_do_not_learn_it(splits):
    blind = FeatureReader(evidence_length=0, statistics=True)
    scores = train_gbdt(splits["train"], splits["validation"], blind, ONE_TRIAL).score(
        splits["eval"]
    )
    assert grouped_auc(scores.user, scores.label, scores.score).auc < 0.7


def test_ids_that_training_does_not_know_are_scored(model, splits, tmp_path):
    rng = np.random.default_rng(9)
    record = make_record(rng, 5, events=20, requests=3)
    record["candidate_category"] = record["candidate_category"] + 10**12
    scores = model.score([write_records([record], tmp_path / "unknown.gz")])
    assert np.all((scores.score >= 0) & (scores.score <= 1))


def trained_where_ids_decide(key, folder, **changes):
    """Trees told no numbers but times, of records where some ids of a kind are clicked, others never."""

    def clicks_on(record):
        chosen = np.isin(record[key] % 6, (0, 3, 5))
        return record | {"candidate_label": chosen.astype(np.float32)}

    files = {
        split: [write_records([clicks_on(r) for r in records_of(of, 3)], folder / f"{split}.gz")]
        for split, of in (("train", range(40)), ("validation", range(50, 60)))
    }
    alone = FeatureReader(evidence_length=0, statistics=False)
    # Two leaves: with ids as numbers, no one split tells 0, 3 and 5 apart.
    config = dataclasses.replace(ONE_TRIAL, num_leaves=(2,), max_iterations=1, **changes)
    return train_gbdt(files["train"], files["validation"], alone, config)


def test_a_category_can_decide_whatever_its_number(tmp_path):
    assert trained_where_ids_decide("candidate_category", tmp_path).trials[0].auc == 1.0


def test_which_item_a_candidate_is_can_be_read_and_validation_decides_whether_it_is(tmp_path):
    model = trained_where_ids_decide("candidate_item", tmp_path, item_ids=(False, True))
    assert [trial.parameters["item_ids"] for trial in model.trials] == [True, False]
    assert model.trials[0].auc > 0.9
    assert model.trials[1].auc < 0.8


def test_the_winner_has_the_lowest_validation_loss_of_all_combinations(splits):
    config = dataclasses.replace(
        ONE_TRIAL, learning_rate=(0.001, 0.2), num_leaves=(2, 7), max_iterations=10
    )
    model = train_gbdt(splits["train"], splits["validation"], READER, config)
    losses = [trial.log_loss for trial in model.trials]
    assert len(losses) == 4
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]
    best = model.trials[0]
    assert best.parameters["learning_rate"] == 0.2
    used = model.trees.params
    assert {name: used[name] for name in best.parameters if name != "item_ids"} == {
        name: value for name, value in best.parameters.items() if name != "item_ids"
    }
    assert used["seed"] == config.seed


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
    model = train_gbdt(splits["train"], validation, READER, ONE_TRIAL)
    assert model.trials[0].iterations == model.trees.best_iteration == 1


def test_the_same_configuration_gives_the_same_scores(splits, model):
    again = train_gbdt(splits["train"], splits["validation"], READER, ONE_TRIAL)
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
        train_gbdt(files["train"], files["validation"], READER, ONE_TRIAL)


@pytest.mark.parametrize("change", [{"learning_rate": ()}, {"max_iterations": 0}])
def test_a_configuration_that_tries_nothing_is_an_error(change):
    with pytest.raises(ValueError, match=f"`{next(iter(change))}` is"):
        GbdtConfig(**change)
