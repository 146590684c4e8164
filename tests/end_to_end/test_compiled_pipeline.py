"""The compiled pipeline, run task by task as Kubeflow runs it: what runs, what is cached, what is pushed."""

import functools
import json
import shutil
from pathlib import Path

import pytest
import yaml

from lifelong.pipeline.cluster import cluster_places, read_cluster_config
from lifelong.pipeline.kubeflow_runner import compile_pipeline
from lifelong.pipeline.run_parameters import RunParameters
from lifelong.report.reporter.component import reporters
from lifelong.serving.behavior_store import open_store
from lifelong.serving.client import PredictionClient
from lifelong.serving.ranker import Ranker, RankRequest
from lifelong.serving.server.server import ModelServer
from tests.end_to_end import sample_logs
from tests.end_to_end.spec_walk import Walk

pytestmark = pytest.mark.slow

STORE_PUSHER = {"BehaviorStorePusher"}
# Are told what is in use at their destination, or read what is.
COMPARES = {"RunningModel", "Evaluator", "Pusher"}
# Without the Reporter, which has a run of its own here.
TASKS = 15
TITLES = ("Metrics on the eval split", "Calibration", "Training", "Data", "Serving", "Lineage")


class Cluster:
    """A folder that all tasks see, the pipeline's configuration, and what was run of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.walk = Walk(folder / "tasks")
        self.write_log(seed=0)

    def write_log(self, seed: int) -> None:
        """Writes the log, always under the same name."""
        baskets = sample_logs.make_baskets(users=16, seed=seed)
        sample_logs.write_behavior_csv(baskets, self.folder / "log.csv")

    def run(self, target: str = "kubeflow", page: bool = False, **serving):
        """Compiles the pipeline, as a user does anew for each run, and runs it."""
        told = {
            "name": "shop",
            "image": "registry/lifelong:1",
            "pipeline_root": f"{self.folder}/root",
            "serving_folder": f"{self.folder}/serving",
            "store": {"destination": f"{self.folder}/store", "shards": 2},
            "data": {
                "behaviors": {"files": f"{self.folder}/log.csv"},
                "requests": {"min_history": 20, "negatives": 6},
                "splits": {
                    name.removeprefix("data.splits."): date
                    for name, date in sample_logs.SPLITS.items()
                },
                "shards": 2,
            },
            "model": {
                # What is exported quickest, three times in a run.
                "long_term": "none",
                "statistics": False,
                "short_length": 10,
                "long_length": 60,
                "evidence_length": 70,
                "searched_events": 8,
            },
            "training": {"epochs": 1, "batch_size": 64},
            "serving": {
                "validation_requests": 16,
                "latency_requests": 10,
                "warmup_requests": 4,
                "max_batch_size": 1,
                **serving,
            },
            "gate": {"auc_min": 0.0, "auc_change_min": -1.0},
            "report": {"write": page},
        }
        (self.folder / "pipeline.yaml").write_text(yaml.dump(told))
        config = read_cluster_config(str(self.folder / "pipeline.yaml"))
        file = self.folder / {"kubeflow": "compiled.yaml", "vertex": "compiled.json"}[target]
        compile_pipeline(config, file, functools.partial(reporters, config))
        text = file.read_text()
        spec = yaml.safe_load(text) if target == "kubeflow" else json.loads(text)["pipelineSpec"]
        parameters = RunParameters.of(config, cluster_places(config)).by_name()
        return self.walk.run(spec, parameters)

    def versions(self) -> list[int]:
        """Returns the versions of the model that servers see."""
        return sorted(int(it.name) for it in (self.folder / "serving").glob("[0-9]*"))

    def rank(self) -> list[float]:
        """Returns the scores of two candidates by the pushed model with the pushed store."""
        with (
            ModelServer.of_model("shop", f"{self.folder}/serving", poll_interval_s=0) as server,
            PredictionClient(server.address, "shop") as client,
            open_store(self.folder / "store") as store,
        ):
            candidates = {"item": [7, 8], "category": [7, 8]}
            time = sample_logs.START + sample_logs.DAYS * sample_logs.DAY
            answer = Ranker(client, store).rank(RankRequest(3, candidates, timestamp=time))
            return [item.score for item in answer.items]


def test_what_is_unchanged_is_cached_and_what_is_changed_refused_or_lost_is_not(tmp_path):
    cluster = Cluster(tmp_path)

    first = cluster.run()
    assert not first.failed
    assert (len(first.ran), len(first.cached)) == (TASKS, 0)
    assert len(cluster.versions()) == 1
    assert all(0 < score < 1 for score in cluster.rank())

    # There is a model to compare with now, and a store; nothing is pushed again.
    second = cluster.run()
    assert second.ran == COMPARES | STORE_PUSHER
    assert len(second.cached) == TASKS - 4
    assert len(cluster.versions()) == 1
    for target in ("kubeflow", "vertex"):
        third = cluster.run(target)
        assert (third.ran, len(third.cached)) == (set(), TASKS), target

    with_page = cluster.run(page=True)
    assert (with_page.ran, len(with_page.cached)) == ({"Reporter"}, TASKS), with_page.failed
    page = with_page.outputs["Reporter"]["report_page"]
    assert page["metadata"]["not_shown"] == ""
    html = (Path(page["uri"]) / "report.html").read_text()
    assert f"nothing is new: this model is version {cluster.versions()[0]}, in use" in html
    assert "LightGBM" in html
    assert "on 16 requests" in html
    for title in TITLES:
        assert f"{title}</h2>" in html

    shutil.rmtree(tmp_path / "store")
    lost_store = cluster.run()
    assert lost_store.ran == STORE_PUSHER
    assert len(lost_store.cached) == TASKS - 1

    shutil.rmtree(tmp_path / "serving")
    lost_model = cluster.run()
    assert lost_model.ran - STORE_PUSHER == COMPARES
    (pushed,) = cluster.versions()
    assert all(0 < score < 1 for score in cluster.rank())

    # Another log under the same name, and a model that is too slow.
    cluster.write_log(seed=1)
    refused = cluster.run(latency_budget_ms=1e-6)
    assert refused.cached == {"CuratedSchema"}
    assert refused.failed.keys() == {"ServingValidator"}
    assert "over the budget of 1e-06 ms" in refused.failed["ServingValidator"]
    assert "Pusher" not in refused.ran
    assert len(refused.ran) == TASKS - 3
    assert cluster.versions() == [pushed]
    (found,) = (tmp_path / "root" / "findings").glob("*/findings.json")
    assert "over the budget" in json.loads(found.read_text())["reason"]

    again = cluster.run(latency_budget_ms=1e-6)
    assert again.failed.keys() == {"ServingValidator"}, "a refusal is not cached"
    assert again.ran - STORE_PUSHER == set()

    better = cluster.run()
    assert better.ran == {"ServingValidator", "Pusher"}
    assert len(cluster.versions()) == 2
