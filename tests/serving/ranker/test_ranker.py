"""Ranking through a store and a server equals scoring the whole history, for both rankers."""

import asyncio
import contextlib
import dataclasses
import shutil
import socket
import threading

import grpc
import numpy as np
import pytest

from lifelong.data import contract
from lifelong.data.contract import VERSION, ContractError
from lifelong.serving.async_client import AsyncPredictionClient
from lifelong.serving.behavior_store import (
    Cut,
    Manifest,
    StoreCorruptedError,
    StoreFormatError,
    StoreUnavailableError,
    open_store,
)
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.behavior_store.redis_store import RedisStore
from lifelong.serving.client import PredictionClient, PredictionError
from lifelong.serving.ranker import AsyncRanker, Ranker, RankRequest
from lifelong.serving.request import build_request, with_statistics
from tests.redis_server import RedisServer
from tests.sample_models import run_transform, small_config
from tests.sample_rankings import (
    CONTRACT,
    DAY,
    HISTORIES,
    LONGEST,
    NEWER,
    NOW,
    TABLE,
    USERS,
    export,
    request_of,
    serving,
    store_of_histories,
)

pytestmark = pytest.mark.slow

CONFIGS = {
    "sim_hard": small_config("sim_hard"),
    "eta": small_config("eta"),
    "none": small_config("none"),
    # Some users have more events than are counted.
    "counting sim_hard": small_config(
        "sim_hard", short_length=0, evidence_length=25, statistics=True
    ),
    "counting eta": small_config("eta", evidence_length=25, statistics=True),
    "wider sim_hard": small_config("sim_hard", short_length=6, long_length=20),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Folders of exported models by name."""
    folder = tmp_path_factory.mktemp("models")
    output = run_transform(folder)
    for name, config in CONFIGS.items():
        export(config, output, folder / name)
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with store_of_histories(tmp_path_factory.mktemp("store")) as made:
        yield made


class InLoop:
    """An asynchronous ranker that is called like a blocking one."""

    def __init__(self, client, store, **options):
        self._make = lambda: AsyncPredictionClient(
            client.address, client.model_name, client.timeout_s, attempts=2
        )
        self._store, self._options = store, options

    def rank_many(self, requests, top=10, explain=True):
        async def run():
            async with self._make() as client:
                ranker = AsyncRanker(client, self._store, **self._options)
                return await ranker.rank_many(requests, top, explain)

        return asyncio.run(run())

    def rank(self, request, **options):
        return self.rank_many([request], **options)[0]


both = pytest.mark.parametrize("ranker_class", [Ranker, InLoop])


def scores_of_history(client, request, config):
    """Scores of the whole history, searched by the model itself."""
    wire = build_request(
        request.user,
        HISTORIES[request.user],
        request.candidates,
        request.timestamp,
        config.max_events,
    )
    return client.predict(wire)["scores"][0]


@both
@pytest.mark.parametrize("name", ["sim_hard", "eta", "none", "counting sim_hard", "counting eta"])
def test_ranks_as_the_whole_history_would(name, ranker_class, exported, store, tmp_path):
    config = CONFIGS[name]
    # The times of real events: cuts that fall among them.
    times = [
        NOW,
        *(int(h["timestamp"][len(h["item"]) // 2]) for h in HISTORIES.values() if len(h["item"])),
    ]
    requests = [request_of(user, timestamp=time) for user in USERS for time in times[:4]]
    with serving(exported / name, tmp_path) as client:
        answers = ranker_class(client, store).rank_many(requests, top=12)
        expected = [scores_of_history(client, request, config) for request in requests]
    for request, answer, scores in zip(requests, answers, expected, strict=True):
        best = np.argsort(-scores, kind="stable")
        assert [it.score for it in answer.items] == pytest.approx(scores[best].tolist(), abs=1e-5)
        assert sorted(it.item for it in answer.items) == sorted(request.candidates["item"].tolist())
        earlier = HISTORIES[request.user]["timestamp"] < request.timestamp
        # Of what a store has searched, the window is told; a history is sent whole.
        most = config.max_events if name == "counting eta" else config.window
        assert answer.history_length == min(most, earlier.sum())
        assert (answer.user, answer.degraded, answer.model_version) == (request.user, "", 1)
        age = request.timestamp - TABLE.time if config.statistics else None
        assert answer.statistics_age == age
        assert min(answer.timings) >= 0


def long_part(user, config):
    """Events that a search may find, newest first: (timestamp, item, category)."""
    events = HISTORIES[user]
    rows = list(zip(events["timestamp"], events["item"], events["category"], strict=True))
    return rows[::-1][config.short_length : config.window]


@both
def test_evidence_is_what_the_store_found(ranker_class, exported, store, tmp_path):
    config = CONFIGS["sim_hard"]
    with serving(exported / "sim_hard", tmp_path) as client:
        ranker = ranker_class(client, store)
        answers = ranker.rank_many([request_of(user) for user in USERS], top=12)
        (silent,) = ranker.rank_many([request_of(USERS[0])], explain=False)
    found = 0
    for answer in answers:
        for ranked in answer.items:
            expected = [row for row in long_part(answer.user, config) if row[2] == ranked.category]
            evidence = [(e.timestamp, e.item, e.category) for e in ranked.evidence]
            assert evidence == expected[: config.searched_events]
            found += len(evidence)
    assert found > 20
    assert all(it.evidence == () for it in silent.items)


class FailingStore(LmdbStore):
    """A store that fails for some users."""

    def __init__(self, inner, error, users):
        self._inner, self._error, self._users = inner, error, users
        self.manifest = inner.manifest

    def read(self, user):
        if user in self._users:
            raise self._error
        return self._inner.read(user)


@both
@pytest.mark.parametrize("name", ["sim_hard", "eta"])
@pytest.mark.parametrize("error", [StoreUnavailableError("it is down"), StoreCorruptedError("bad")])
def test_a_store_that_fails_degrades_to_the_events_of_the_request(
    error, name, ranker_class, exported, store, tmp_path
):
    user, other, config = *LONGEST[:2], CONFIGS[name]
    recent = {key: column[-3:] for key, column in HISTORIES[user].items()}
    requests = [
        request_of(user, recent=recent),
        request_of(user),
        request_of(other, recent=recent),
    ]
    failing = FailingStore(store, error, {user})
    with serving(exported / name, tmp_path) as client:
        with_recent, without, whole = ranker_class(client, failing).rank_many(requests, top=12)
        wire = build_request(user, recent, requests[0].candidates, NOW, config.window)
        expected = np.sort(client.predict(wire)["scores"][0])[::-1]
        expected_whole = np.sort(scores_of_history(client, requests[2], config))[::-1]
    assert with_recent.degraded == without.degraded == str(error)
    assert (with_recent.history_length, without.history_length) == (3, 0)
    assert [it.score for it in with_recent.items] == pytest.approx(expected.tolist(), abs=1e-5)
    assert len(without.items) == 12
    # The other user is not affected.
    assert whole.degraded == ""
    assert [it.score for it in whole.items] == pytest.approx(expected_whole.tolist(), abs=1e-5)


@both
@pytest.mark.parametrize("field", ["id_space", "category_taxonomy"])
def test_a_store_of_other_data_is_refused(field, ranker_class, exported, tmp_path):
    manifest = Manifest(contract=dataclasses.replace(CONTRACT, **{field: "another"}), shards=1)
    with (
        serving(exported / "sim_hard", tmp_path / "model") as client,
        LmdbStore.create(tmp_path / "store", manifest) as other,
        pytest.raises(StoreFormatError, match=f"{field} 'another', the model 'sh"),
    ):
        ranker_class(client, other).rank(request_of(1))


@contextlib.contextmanager
def copy_with(statistics, store, backend, folder):
    """A copy of a store, with statistics."""
    manifest = dataclasses.replace(store.manifest, statistics_time=statistics.time)
    with contextlib.ExitStack() as opened:
        if backend == "lmdb":
            copy = LmdbStore.create(folder / "copy", manifest, statistics)
        else:
            (folder / "redis").mkdir()
            server = opened.enter_context(RedisServer(folder / "redis"))
            copy = RedisStore.create(server.address("shop"), manifest, statistics=statistics)
        opened.enter_context(copy).load(store.scan())
        yield copy


def given_scores(client, request, config, statistics):
    """Scores of the whole history and of these statistics."""
    wire = build_request(
        request.user,
        HISTORIES[request.user],
        request.candidates,
        request.timestamp,
        config.max_events,
    )
    counted = statistics.look_up(request.candidates["item"], request.candidates["category"])
    return client.call(with_statistics(wire, counted), "given_statistics").outputs["scores"][0]


@both
@pytest.mark.parametrize(
    ("name", "backend"), [("counting sim_hard", "redis"), ("counting eta", "lmdb")]
)
def test_newer_statistics_of_the_store_are_ranked_with(
    name, backend, ranker_class, exported, store, tmp_path
):
    config = CONFIGS[name]
    requests = [request_of(user, timestamp=NOW + 7) for user in USERS]
    with (
        serving(exported / name, tmp_path / "model") as client,
        copy_with(NEWER, store, backend, tmp_path) as newer,
    ):
        ranker = ranker_class(client, newer)
        answers = ranker.rank_many(requests, top=12, explain=False)
        scores = [given_scores(client, request, config, NEWER) for request in requests]
        others = [given_scores(client, request, config, TABLE) for request in requests]
        asked = [request.user for request in requests].index(LONGEST[0])
        explained = ranker.rank(requests[asked], top=12)
        (earlier,) = ranker.rank_many([request_of(USERS[0], timestamp=NOW - 3 * DAY)])
    for answer, expected, other in zip(answers, scores, others, strict=True):
        found = [it.score for it in answer.items]
        assert found == pytest.approx(np.sort(expected)[::-1].tolist(), abs=1e-5)
        assert found != pytest.approx(np.sort(other)[::-1].tolist(), abs=1e-3)
        assert answer.statistics_age == NOW + 7 - NEWER.time < DAY
        assert answer.degraded == ""
    assert explained.statistics_age == NOW + 7 - NEWER.time
    assert [it.score for it in explained.items] == pytest.approx(
        np.sort(scores[asked])[::-1].tolist(), abs=1e-5
    )
    assert any(it.evidence for it in explained.items)
    # A request of the past is not told of the days after it, where that can be helped.
    assert earlier.statistics_age == NOW - 3 * DAY - TABLE.time < 0


def test_a_store_without_newer_statistics_changes_nothing(exported, store, tmp_path):
    request = request_of(LONGEST[0])
    older = NEWER._replace(time=TABLE.time - DAY)
    with (
        serving(exported / "counting sim_hard", tmp_path / "model") as client,
        copy_with(older, store, "lmdb", tmp_path) as copy,
    ):
        answers = [Ranker(client, it).rank(request, top=12) for it in (store, copy)]
        own = given_scores(client, request, CONFIGS["counting sim_hard"], TABLE)
    for answer in answers:
        assert answer.statistics_age == NOW - TABLE.time
        found = [it.score for it in answer.items]
        assert found == pytest.approx(np.sort(own)[::-1].tolist(), abs=1e-5)


def test_a_new_version_is_asked_as_it_wants_to_be(exported, store, tmp_path, wait_for):
    """Of another window, then without the signature for searched events."""
    request = request_of(LONGEST[0])
    with serving(exported / "sim_hard", tmp_path, poll_interval_s=0.05) as client:
        ranker = Ranker(client, store)
        assert ranker.rank(request).history_length == CONFIGS["sim_hard"].window
        for version, name in ((2, "wider sim_hard"), (3, "none"), (4, "sim_hard")):
            shutil.copytree(exported / name, tmp_path / "new")
            (tmp_path / "new").rename(tmp_path / str(version))
            wait_for(
                lambda version=version: (
                    client.status()[0].version == version
                    and client.status()[0].state == "AVAILABLE"
                )
            )
            answer = ranker.rank(request, top=12)
            expected = np.sort(scores_of_history(client, request, CONFIGS[name]))[::-1]
            assert answer.model_version == version
            assert [it.score for it in answer.items] == pytest.approx(expected.tolist(), abs=1e-5)


class WaitingStore(FailingStore):
    """A store whose reads wait."""

    def __init__(self, inner):
        super().__init__(inner, None, ())
        self.reading, self.go_on = threading.Event(), threading.Event()

    def read(self, user):
        self.reading.set()
        assert self.go_on.wait(20)
        return super().read(user)


def test_no_more_rankings_at_a_time_than_said(exported, store, tmp_path):
    waiting = WaitingStore(store)
    with serving(exported / "none", tmp_path) as client:
        ranker = Ranker(client, waiting, max_in_flight=1)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ranker.rank(request_of(1))))
        thread.start()
        assert waiting.reading.wait(20)
        client.timeout_s = 0.2
        with pytest.raises(PredictionError, match="1 rankings are under way") as caught:
            ranker.rank(request_of(1))
        assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        client.timeout_s = 10.0
        waiting.go_on.set()
        thread.join(20)
        assert len(answers) == 1
        assert ranker.rank(request_of(1)).items


def test_many_asynchronous_rankings_at_once(exported, store, tmp_path):
    requests = [request_of(user, seed) for user in USERS for seed in range(5)]
    with serving(exported / "sim_hard", tmp_path) as client:

        async def run():
            async with AsyncPredictionClient(client.address) as connected:
                ranker = AsyncRanker(connected, store, max_in_flight=4)
                return await asyncio.gather(*(ranker.rank(request) for request in requests))

        assert asyncio.run(run())[7].items == Ranker(client, store).rank(requests[7]).items


@both
def test_a_model_of_another_contract_is_refused_in_one_sentence(
    ranker_class, exported, store, tmp_path, monkeypatch
):
    # As if the model had been exported by the next version.
    monkeypatch.setattr(contract, "VERSION", VERSION - 1)
    message = (
        f"the model has ids made by rule {VERSION}, this version of lifelong makes them by rule"
        f" {VERSION - 1}; run `lifelong run` again, which trains, builds and pushes both anew"
    )
    with (
        serving(exported / "eta", tmp_path) as client,
        pytest.raises(ContractError, match=f"^{message}$"),
    ):
        ranker_class(client, store).rank(request_of(1))


@both
def test_bad_requests_are_named(ranker_class, exported, store, tmp_path):
    with serving(exported / "sim_hard", tmp_path) as client:
        ranker = ranker_class(client, store)
        bad = RankRequest(7, {"item": [1, -2], "category": [1, 1]}, NOW)
        with pytest.raises(ValueError, match="request 1, user 7: candidate_item holds -2"):
            ranker.rank_many([request_of(1), bad])
        with pytest.raises(ValueError, match="request 0, user 7: candidate_category missing"):
            ranker.rank(RankRequest(7, {"item": [1]}, NOW))
        for user in (1.0, True, -1, 2**63):
            with pytest.raises(ValueError, match=f"request 0, user {user}: user "):
                ranker.rank(dataclasses.replace(request_of(1), user=user))
        with pytest.raises(ValueError, match=r"user 1: request_timestamp holds .*milliseconds"):
            ranker.rank(request_of(1, timestamp=NOW * 1000))
        with pytest.raises(ValueError, match="user 1: candidate_category is of type float64"):
            ranker.rank(RankRequest(1, {"item": [1], "category": [1.5]}, NOW))
        with pytest.raises(ValueError, match="top is 0"):
            ranker.rank(request_of(1), top=0)
        assert ranker.rank_many([]) == []
    with pytest.raises(ValueError, match="max_in_flight is 0"):
        Ranker(client, store, max_in_flight=0)


@both
def test_features_that_the_model_does_not_read_are_named(ranker_class, exported, tmp_path):
    request = request_of(1, recent=HISTORIES[1])
    request.candidates["color"] = np.zeros(12, np.int64)
    with (
        serving(exported / "none", tmp_path) as client,
        pytest.raises(ValueError, match="candidate_color: the model reads no such feature"),
    ):
        ranker_class(client, None).rank(request)


@both
def test_a_model_of_others_is_refused(ranker_class, client, store):
    with pytest.raises(PredictionError, match="has no signature data_contract: it was exported by"):
        ranker_class(client, store).rank(request_of(1))


def test_an_unknown_user_is_ranked(exported, store, tmp_path):
    with serving(exported / "sim_hard", tmp_path) as client:
        answer = Ranker(client, store).rank(request_of(10**12))
    assert (answer.history_length, answer.degraded, len(answer.items)) == (0, "", 10)


@both
def test_a_server_that_is_not_there_is_tried_again_then_named(ranker_class, store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            PredictionClient(address, attempts=2) as client,
            pytest.raises(PredictionError) as caught,
        ):
            ranker_class(client, store).rank(request_of(1))
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_the_store_alone_may_be_newer(exported, store, tmp_path):
    """Events that came after the model was trained are read."""
    user = USERS[2]
    events = {"item": [5, 6], "category": [1, 1], "timestamp": [NOW, NOW + 1]}
    with (
        serving(exported / "sim_hard", tmp_path / "model") as client,
        LmdbStore.create(tmp_path / "store", store.manifest) as newer,
    ):
        newer.append({"user": [user, user], **events})
        answer = Ranker(client, newer).rank(request_of(user, timestamp=NOW + 2))
        assert answer.history_length == 2
        assert newer.history(user, 5, Cut(NOW + 1))["item"].tolist() == [5]


@both
def test_redis_may_die_and_come_back(ranker_class, exported, store, tmp_path):
    user = LONGEST[0]
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis", durable=True) as redis:
        with RedisStore.create(redis.address("shop"), store.manifest) as filled:
            filled.load(store.scan())
            filled.publish()
        with (
            serving(exported / "sim_hard", tmp_path / "model") as client,
            open_store(redis.address("shop")) as remote,
        ):
            ranker = ranker_class(client, remote)
            before = ranker.rank(request_of(user))
            redis.kill()
            without = ranker.rank(request_of(user))
            redis.start()
            after = ranker.rank(request_of(user))
    assert (before.degraded, after.degraded) == ("", "")
    assert before.items == after.items
    assert before.history_length == CONFIGS["sim_hard"].window
    assert f"127.0.0.1:{redis.port}" in without.degraded
    assert (without.history_length, len(without.items)) == (0, 10)
