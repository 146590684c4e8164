import numpy as np
import pytest
import tensorflow as tf

from lifelong.experiments.staleness.scores import SearchPass, count_common
from lifelong.experiments.staleness.tables import STALE_MODELS
from lifelong.models.export import ServingSignatures
from lifelong.models.history import split_history
from lifelong.models.layers import SearchedEvents
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.models.scores import score_files
from lifelong.models.trained import load_trained, save_trained
from lifelong.models.vocabulary_files import UNKNOWN, transforms_vocabulary
from lifelong.models.wire import wire_spec
from tests.sample_models import SMALL, spread_model

pytestmark = pytest.mark.slow


class Scorer:
    """A small model with random weights as of the date, and the pass that scores it later."""

    def __init__(self, name, data, folder, known=None):
        self.name, self.data, self.folder = name, data, folder
        self.model = spread_model(name, data.transform_output())
        self.base = self.save(self.model, "base")
        self.search = SearchPass(self.base, STALE_MODELS[name], known or self.all_known(), data)

    def all_known(self):
        sizes = self.model.spec.vocabulary_sizes
        return {name: np.ones(sizes[name], bool) for name in ("item", "category")}

    def save(self, model, name):
        save_trained(model, str(self.folder / name))
        return str(self.folder / name)

    def found(self, model):
        """What a model finds for every candidate of eval, as sets, in the order of the requests."""
        spec, sets = model.spec.model, []
        signatures = ServingSignatures(model, self.data.transform_output())
        files = self.data.raw_files("eval")
        for batch in request_dataset(files, record_spec(()), spec.window, 64):
            rows = signatures.transform_features(**{key: batch[key] for key in wire_spec(())})
            _, long = split_history(rows, spec.short_length, spec.long_length)
            found = model.long_term.search(rows, model.embeddings.candidates(rows), long)
            for request, count in enumerate(batch["candidate_length"].numpy()):
                positions, masks = (
                    values[request, :count].numpy() for values in (found.position, found.mask)
                )
                sets += [set(p[m].tolist()) for p, m in zip(positions, masks, strict=True)]
        return sets


@pytest.fixture(scope="module", params=STALE_MODELS)
def scorer(request, data, tmp_path_factory):
    return Scorer(request.param, data, tmp_path_factory.mktemp(request.param))


def common(first, second):
    return [len(a & b) for a, b in zip(first, second, strict=True)]


def test_common_events_are_counted_by_position_and_mask():
    own = SearchedEvents(
        tf.constant([[[4, 7, 0], [1, 0, 0]]]),
        tf.constant([[[True, True, True], [True, False, False]]]),
        None,
    )
    other = SearchedEvents(
        tf.constant([[[0, 9, 4], [0, 0, 0]]]),
        tf.constant([[[True, True, True], [True, False, False]]]),
        None,
    )
    assert count_common(own, other).numpy().tolist() == [[2, 0]]
    assert count_common(own, own).numpy().tolist() == [[3, 1]]


def test_without_further_training_old_and_own_are_the_same(scorer):
    scored = scorer.search.score(scorer.base)
    for search in STALE_MODELS[scorer.name].searches:
        np.testing.assert_array_equal(scored.kept[search], scored.found)
        np.testing.assert_array_equal(scored.scores[search].score, scored.scores["own"].score)
    np.testing.assert_array_equal(scored.found, np.minimum(scored.events, SMALL.searched_events))
    assert scored.found.max() == SMALL.searched_events
    assert not scored.new.any()
    assert scored.new_events == 0


def test_the_scores_are_those_of_the_signature_that_the_evaluator_calls(scorer, data):
    ours = scorer.search.score(scorer.base).scores["own"]
    signatures = ServingSignatures(scorer.model, data.transform_output())
    served = score_files(tf.function(signatures.score_records), data.raw_files("eval"))
    for key in ("user", "request", "item", "label"):
        np.testing.assert_array_equal(getattr(ours, key), getattr(served, key))
    np.testing.assert_allclose(ours.score, served.score, atol=1e-6)
    assert np.ptp(ours.score) > 0.1


def test_later_weights_are_searched_with_the_tables_of_the_date(scorer, data):
    later = spread_model(scorer.name, data.transform_output())
    rng = np.random.default_rng(1)
    for variable in later.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    scored = scorer.search.score(scorer.save(later, "later"))
    own, old = scorer.found(later), scorer.found(scorer.model)
    np.testing.assert_array_equal(scored.found, [len(found) for found in own])
    np.testing.assert_array_equal(scored.kept["old"], common(own, old))
    # The weights are the later ones whatever is searched: where the same is found, so is the score.
    same = scored.kept["old"] == scored.found
    assert 0 < same.sum() < len(same)
    differences = scored.scores["old"].score - scored.scores["own"].score
    np.testing.assert_allclose(differences[same], 0, atol=1e-6)
    assert np.abs(differences[~same]).max() > 1e-4
    if scorer.name == "sim_soft":
        assert (scored.kept["old_events"] != scored.kept["old"]).any()


def test_a_table_that_is_turned_around_finds_what_it_says(scorer, monkeypatch):
    turned = [table[::-1].copy() for table in scorer.search.old_tables]
    monkeypatch.setattr(scorer.search, "old_tables", turned)
    scored = scorer.search.score(scorer.base)
    own = scorer.found(scorer.model)
    baked = load_trained(scorer.base)
    for table, values in zip(baked.long_term.bake(), turned, strict=True):
        table.assign(values)
    np.testing.assert_array_equal(scored.kept["old"], common(own, scorer.found(baked)))
    assert scored.kept["old"].sum() < scored.found.sum()


def test_items_that_the_index_does_not_know_are_counted_and_searched_as_unknown(data, tmp_path):
    model = spread_model("eta", data.transform_output())
    rows = model.spec.vocabulary_sizes["item"]
    known = {"item": np.arange(rows) == UNKNOWN}
    scorer = Scorer("eta", data, tmp_path, known)
    scored = scorer.search.score(scorer.base)
    # All but the candidates outside the vocabulary, which are no news.
    vocabulary = transforms_vocabulary(data.transform_output(), "item").ids
    np.testing.assert_array_equal(scored.new, np.isin(scored.scores["own"].item, vocabulary))
    _, of_request = np.unique(scored.scores["own"].request, return_index=True)
    assert scored.all_events == scored.events[of_request].sum()
    assert 0 < scored.new_events <= scored.all_events
    # All signatures are the same, so that the most recent events are found.
    recent = set(range(SMALL.searched_events))
    own = scorer.found(scorer.model)
    np.testing.assert_array_equal(scored.kept["old"], common(own, [recent] * len(own)))
