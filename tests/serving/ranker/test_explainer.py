"""What is explained is what is ranked, through a store and a server."""

import grpc
import numpy as np
import pytest

from lifelong.data.evidence import COLUMNS, count_evidence
from lifelong.models.config import ExportConfig
from lifelong.models.export import export_model
from lifelong.serving.prediction import PredictionError
from lifelong.serving.ranker import Explainer, Ranker
from tests.sample_models import run_transform, small_config, spread_model
from tests.sample_rankings import (
    HISTORIES,
    LONGEST,
    NOW,
    USERS,
    export,
    request_of,
    serving,
    store_of_histories,
)

pytestmark = pytest.mark.slow

CONFIG = small_config("sim_hard", evidence_length=25, statistics=True)
S, L, K = CONFIG.short_length, CONFIG.long_length, CONFIG.searched_events


@pytest.fixture(scope="module")
def transformed(tmp_path_factory):
    return run_transform(tmp_path_factory.mktemp("transform"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with store_of_histories(tmp_path_factory.mktemp("store")) as made:
        yield made


@pytest.fixture(scope="module")
def client(transformed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    export(CONFIG, transformed, folder / "exported")
    with serving(folder / "exported", folder / "served") as client:
        yield client


def test_scores_are_those_of_the_ranker(client, store):
    for user in USERS:
        request = request_of(user)
        explained = Explainer(client, store).explain(request)
        ranked = Ranker(client, store).rank(request, top=len(explained.items))
        scores = sorted((item.score for item in explained.items), reverse=True)
        np.testing.assert_allclose(scores, [item.score for item in ranked.items], atol=1e-6)
        assert explained.statistics_age == ranked.statistics_age


def test_the_store_finds_what_the_models_hard_search_finds(client, store):
    request = request_of(LONGEST[0])
    explained = Explainer(client, store).explain(request)
    ranked = Ranker(client, store).rank(request, top=len(explained.items))
    evidence = {item.item: item.evidence for item in ranked.items}
    some = 0
    for item in explained.items:
        position = item.searches["hard"].position
        times = explained.history["timestamp"][position].tolist()
        assert times == [event.timestamp for event in evidence[item.item]]
        np.testing.assert_array_equal(item.attended.position, position)
        some += len(times)
    assert some


def test_the_history_comes_newest_first_and_searches_look_at_the_long_part(client, store):
    user = LONGEST[0]
    explained = Explainer(client, store).explain(request_of(user))
    times = HISTORIES[user]["timestamp"][::-1][: len(explained.history["timestamp"])]
    np.testing.assert_array_equal(explained.history["timestamp"], times)
    assert (explained.short_length, explained.long_length) == (S, L)
    assert (explained.searched_events, explained.evidence_length) == (K, CONFIG.evidence_length)
    assert explained.model_version == Explainer(client, store).version()
    for item in explained.items:
        for found in item.searches.values():
            assert ((found.position >= S) & (found.position < S + L)).all()
            assert len(found.position) == len(found.relevance) <= K
        heads = item.attended.attention
        assert heads.shape == (CONFIG.heads, len(item.attended.position))
        if len(item.attended.position):
            np.testing.assert_allclose(heads.sum(axis=1), 1, atol=1e-5)


def test_what_the_score_would_be_without_older_events(client, store):
    """A history of S events is the user who had no others."""
    user = LONGEST[0]
    request = request_of(user)
    newest = {key: values[-S:] for key, values in HISTORIES[user].items()}
    explained = Explainer(client, store).explain(request)
    short = Explainer(client, None).explain(request_of(user, recent=newest))
    assert len(short.history["item"]) == S
    for item, alone in zip(explained.items, short.items, strict=True):
        assert item.score_of_short_history == pytest.approx(alone.score, abs=1e-6)
        assert alone.score_without_long_term == pytest.approx(alone.score, abs=1e-6)
    assert any(abs(it.score - it.score_without_long_term) > 1e-3 for it in explained.items)
    assert any(abs(it.score - it.score_of_short_history) > 1e-3 for it in explained.items)


def test_counts_are_told_by_name(client, store):
    user = LONGEST[0]
    request = request_of(user)
    explained = Explainer(client, store).explain(request)
    counted = count_evidence(HISTORIES[user], request.candidates, NOW, CONFIG.evidence_length)
    for n, item in enumerate(explained.items):
        assert list(item.evidence["item"]) == [*COLUMNS]
        assert [*item.evidence["item"].values()] == counted.item[n].tolist()
        assert [*item.evidence["category"].values()] == counted.category[n].tolist()
        assert item.statistics["item"].keys() == item.statistics["category"].keys()
    assert [*explained.evidence.values()] == counted.request.tolist()


def test_a_user_without_events_is_explained(client, store):
    explained = Explainer(client, store).explain(request_of(10**12))
    assert len(explained.history["item"]) == 0
    for item in explained.items:
        assert item.score == pytest.approx(item.score_without_long_term, abs=1e-6)
        assert len(item.attended.position) == 0


def test_a_model_that_does_not_explain_is_named(transformed, tmp_path):
    model = spread_model("none", transformed)
    export_model(model, transformed, str(tmp_path / "plain"), ExportConfig(explain=False))
    with serving(tmp_path / "plain", tmp_path / "served") as client:
        with pytest.raises(
            PredictionError, match=r"no signature explain: .*--export.explain true"
        ) as error:
            Explainer(client, None).version()
        assert error.value.code == grpc.StatusCode.FAILED_PRECONDITION
