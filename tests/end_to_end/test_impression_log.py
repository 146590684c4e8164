"""The whole pipeline with an impression log: real labels, unequal N, behaviour types, features.

Categories and features of items come from an item table.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.finished_run import FinishedRun
from benchmarks.store_parity import compare, eval_requests
from lifelong.data.ids import id_of
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.run_record import read_last_run
from lifelong.serving.behavior_store import open_store
from lifelong.serving.client import PredictionClient
from lifelong.serving.request import build_request
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.session import LoadedModel
from tests.end_to_end import sample_logs
from tests.end_to_end.command import lifelong

pytestmark = pytest.mark.slow

CONFIG = """
data:
  behaviors:
    files: {folder}/behaviors.jsonl
    columns: {{behavior: action, category: ""}}
  impressions:
    files: {folder}/impressions-*.jsonl
    columns: {{category: ""}}
  items:
    files: {folder}/items.jsonl
  features:
  - {{name: price, of: candidate, kind: numeric}}
  - {{name: brand, of: item}}
  - {{name: image, of: item, kind: vector, size: 3}}
  requests: {{min_history: 0}}
  splits:
    by: user
    validation_share: 0.2
    eval_share: 0.3
model:
  {{long_term: sim_hard, short_length: 10, long_length: 60, searched_events: 8, evidence_length: 50}}
training: {{epochs: 2, batch_size: 32, learning_rate: 0.005}}
gate: {{auc_min: 0.55}}
report: {{trees: false}}
workdir: {folder}/work
name: shop
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("impressions")
    baskets = sample_logs.make_baskets(users=60, seed=2)
    sample_logs.write_behavior_jsonl(baskets, folder / "behaviors.jsonl")
    sample_logs.write_items_jsonl(folder / "items.jsonl")
    late = [basket for basket in baskets if basket[1] > sample_logs.START + 200 * sample_logs.DAY]
    sample_logs.write_impressions_jsonl(late[::2], folder / "impressions-1.jsonl")
    sample_logs.write_impressions_jsonl(late[1::2], folder / "impressions-2.jsonl")
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder))
    return folder


@pytest.fixture(scope="module")
def output(folder):
    return lifelong("run", f"--config={folder}/config.yaml")


def test_the_report_tells_of_a_search_that_is_exact(output, folder):
    assert "not in the report" not in output
    html = (folder / "work" / "report.html").read_text()
    assert "The search of sim_hard is exact as it is served" in html
    # Each event that it finds is in the candidate's category.
    assert re.search(r'<th scope="row">found</th><td class="number">100.0%</td>', html)
    assert 'id="signatures"' not in html


def test_the_model_is_trained_and_pushed(output, folder):
    workdir = Workdir(folder / "work")
    assert "Blessed" in output
    assert "Pusher" in read_last_run(workdir.metadata).executed
    assert list(Path(workdir.places(Config(name="shop")).serving_folder).glob("[0-9]*"))


def test_behaviour_type_and_price_reach_the_served_model(output, folder):
    base_path = Path(Workdir(folder / "work").places(Config(name="shop")).serving_folder)
    rng = np.random.default_rng(0)
    events = 40
    history = {
        "item": [id_of(f"i{i}") for i in rng.integers(0, sample_logs.ITEMS, events)],
        "category": [id_of(f"shelf{i}") for i in rng.integers(0, 20, events)],
        "timestamp": sample_logs.START + np.arange(events) * sample_logs.DAY,
    }
    candidates = {
        "item": [id_of(f"i{i}") for i in range(5)],
        "category": [id_of(f"shelf{i}") for i in range(5)],
    }

    def scores(client, behavior, price):
        request = build_request(
            id_of("u1"),
            {**history, "behavior": np.full(events, id_of(behavior))},
            {**candidates, "price": np.full(5, price, np.float32)},
            sample_logs.START + 300 * sample_logs.DAY,
            max_events=70,
        )
        return client.predict(request)["scores"]

    with (
        ModelServer.of_model("shop", str(base_path), poll_interval_s=0) as server,
        PredictionClient(server.address, "shop") as client,
    ):
        plain = scores(client, "buy", 1.0)
        assert plain.shape == (1, 5)
        assert np.abs(plain - scores(client, "view", 1.0)).max() > 1e-6
        assert np.abs(plain - scores(client, "buy", 7.0)).max() > 1e-6
        told = client.predict({"user": np.zeros(1, np.int64)}, "data_contract")
        assert json.loads(told["item_features"][0]) == ["brand", "image"]
        assert json.loads(told["category_taxonomy"][0])["category"] == "items.category"


def test_through_the_store_scores_are_those_of_the_search_in_the_graph(output, folder):
    workdir = Workdir(folder / "work")
    run = FinishedRun.read(str(workdir.root))
    (pushed,) = Path(workdir.places(Config(name="shop")).serving_folder).glob("[0-9]*")
    requests = list(eval_requests(run, run.spec, 1_000))
    with open_store(Path(workdir.places(Config(name="shop")).store_destination)) as store:
        parity = compare(LoadedModel(str(pushed), 1), store, requests, run.spec.model)
    assert parity.requests == len(requests) > 50
    assert min(parity.beyond_window, parity.events) > 10
    assert parity.largest_difference <= 1e-5
    assert parity.other_events == parity.other_evidence == 0


def test_an_event_is_ranked_with_once_it_is_ingested(output, folder):
    work = f"--workdir={folder}/work"
    before = re.search(r"of (\d+) in all, read from the behaviour store", _rank("u1", work))
    event = {"user": "u1", "item": "i1", "action": "buy"}
    time = sample_logs.START + 390 * sample_logs.DAY
    lines = [json.dumps({**event, "timestamp": time + i // 2}) for i in range(4)]
    (folder / "live.jsonl").write_text("\n".join(lines) + "\n")
    assert "2 events added, 2 duplicates" in lifelong("ingest", f"{folder}/live.jsonl", work)
    after = re.search(r"of (\d+) in all, read from the behaviour store", _rank("u1", work))
    assert int(after[1]) == int(before[1]) + 2


def test_items_and_categories_are_printed_as_log_and_item_table_have_them(output, folder):
    assert re.search(
        r"  1\. \d\.\d{4}  item i\d+, shelf\d+\n", _rank("u1", f"--workdir={folder}/work")
    )


def _rank(user, work):
    return lifelong("rank", f"--user={user}", "--top=3", "--weeks=52", work)


def test_an_unknown_configuration_key_is_refused(folder):
    path = folder / "typo.yaml"
    path.write_text("model:\n  long_terms: eta\n")
    assert "long_terms" in lifelong("run", f"--config={path}", status=2)
