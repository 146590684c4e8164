"""A process of one platform, which trains, bakes, serves and ranks as it is told.

Started by `PlatformProcess` with the interpreter of that platform. Each line of standard input is a JSON list, the name of
a function below and its arguments; what that returns is answered on standard output, as JSON.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lifelong.data.contract import VERSION, DataContract

ROOT = Path(__file__).parents[2]
DAY = 86_400
# As a client would see them: models by name.
MODELS: dict[str, dict[str, Any]] = {
    "eta": {"long_term": "eta", "export": {}},
    "eta_compiled": {"long_term": "eta", "export": {"jit_compile": True}},
    "sim_hard": {"long_term": "sim_hard", "export": {}},
}
# What is counted is counted alike for all; exporting it takes most of the time.
COUNTS = {"eta": {}, "sim_hard": {"evidence_length": 25, "statistics": True}}
# By the methods that make them.
SIGNATURES = {"serving_default": "rank", "search": "search"}
CONTRACT = DataContract(VERSION, id_space="shop")


class PlatformProcess:
    """The process of an interpreter; it ends with the `with` block.

    Args:
        python: Path of the interpreter.
        log: File that the messages of the process go to.
    """

    def __init__(self, python: str, log: Path) -> None:
        self._log = log
        with log.open("w") as messages:
            self._process = subprocess.Popen(
                [python, "-m", "tests.end_to_end.platform_process"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                bufsize=1,
            )

    def ask(self, name: str, *arguments: Any) -> None:
        """Has a function called; `answer` waits for what it returns."""
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps([name, *map(_plain, arguments)])}\n")

    def answer(self) -> Any:
        """Waits for what the function returns that was asked for."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the process ended: {self._log.read_text()[-4000:]}"
        return json.loads(line)

    def __enter__(self) -> PlatformProcess:
        return self

    def __exit__(self, *_: object) -> None:
        # What it has written is whole, and to take TensorFlow down in order takes seconds.
        self._process.kill()
        self._process.wait()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def versions() -> dict[str, str]:
    """Returns which Python and TensorFlow this is."""
    import tensorflow as tf

    return {"python": ".".join(map(str, sys.version_info[:2])), "tensorflow": tf.__version__}


def train(folder: str) -> None:
    """Trains models, notes how they score all requests, and writes a store of the same events."""
    import tensorflow as tf

    from lifelong.models.config import TrainingConfig
    from lifelong.models.export import ServingSignatures
    from lifelong.models.trained import save_trained
    from lifelong.models.training import make_spec
    from lifelong.models.training import train as fit
    from tests.sample_models import RECORDS, run_transform, small_config, transform_records
    from tests.sample_records import write_records
    from tests.sample_statistics import statistics_of

    root = Path(folder)
    transform_output = run_transform(root)
    file = write_records(transform_records(RECORDS, transform_output), root / "transformed.gz")
    (root / "day_statistics").mkdir()
    statistics = statistics_of(_log(), root / "day_statistics").newest()
    requests = _requests()
    np.savez(root / "requests", **requests)
    training = TrainingConfig(epochs=1, batch_size=8, learning_rate=0.05, pool_users=8)
    for long_term, counts in COUNTS.items():
        config = small_config(long_term, **counts)
        told = {"model": dataclasses.asdict(config), "features": []}
        told["data_contract"] = dataclasses.asdict(CONTRACT)
        spec = make_spec(told, transform_output)
        places = (root / long_term / "checkpoints", f"{folder}/{long_term}/logs")
        model = fit(spec, training, transform_output, [file], [file], *places)
        save_trained(model, f"{folder}/{long_term}/trained")
        signatures = ServingSignatures(model, transform_output, statistics=statistics)
        tensors = {key: tf.constant(value) for key, value in requests.items()}
        for signature, method in SIGNATURES.items():
            answer = getattr(signatures, method)(**tensors)
            np.savez(root / f"{long_term}_{signature}", **answer)
    _write_store(root / "store")


def bake(source: str, folder: str) -> None:
    """Bakes and exports the models that were trained in `source`."""
    import tensorflow_transform as tft

    from lifelong.data.day_statistics import DayStatistics
    from lifelong.models.config import ExportConfig
    from lifelong.models.export import export_model
    from lifelong.models.trained import load_trained

    transform_output = tft.TFTransformOutput(f"{source}/output")
    statistics = DayStatistics(f"{source}/day_statistics").newest()
    for name, told in MODELS.items():
        model = load_trained(f"{source}/{told['long_term']}/trained")
        model.long_term.bake()
        export = ExportConfig(**told["export"])
        export_model(model, transform_output, f"{folder}/{name}/1", export, statistics)


def serve(models: dict[str, str]) -> str:
    """Serves models by name until the process ends; returns the address."""
    from lifelong.serving.server.model_config import PLATFORM, ModelServerConfig
    from lifelong.serving.server.options import ServerOptions
    from lifelong.serving.server.server import ModelServer

    config = ModelServerConfig()
    for name, folder in models.items():
        config.model_config_list.config.add(name=name, base_path=folder, model_platform=PLATFORM)
    options = ServerOptions(poll_interval_s=0, xla_cpu_compilation_enabled=True)
    return _STAYS.enter_context(ModelServer(config, options)).address


def rank(address: str, model: str, store: str) -> list[dict[str, float]]:
    """Ranks all candidates of a few users through a store; returns scores by item for each."""
    from lifelong.serving import PredictionClient, Ranker, RankRequest, open_store

    history = _log()
    now = int(history["timestamp"].max()) + 1
    candidates = {"item": np.arange(12), "category": np.arange(12) % 7}
    requests = [RankRequest(user, candidates, now) for user in range(10)]
    with open_store(store) as opened, PredictionClient(address, model) as client:
        answers = Ranker(client, opened).rank_many(requests, top=12)
    assert not any(answer.degraded for answer in answers)
    return [{str(it.item): it.score for it in answer.items} for answer in answers]


# What lasts as long as the process.
_STAYS = contextlib.ExitStack()


def _log() -> dict[str, np.ndarray]:
    """Returns all events of the records."""
    from tests.sample_models import RECORDS

    names = ("item", "category", "timestamp")
    columns = {name: np.concatenate([r[f"history_{name}"] for r in RECORDS]) for name in names}
    users = [np.full(len(r["history_item"]), r["user"][0]) for r in RECORDS]
    return {"user": np.concatenate(users), **columns}


def _requests() -> dict[str, np.ndarray]:
    """Returns all requests of the records as a client sends them."""
    from tests.sample_models import RECORDS, all_requests

    wire = {key: value.numpy() for key, value in all_requests(RECORDS).items()}
    del wire["candidate_label"]
    return wire


def _write_store(folder: Path) -> None:
    """Writes a behaviour store of the records' events, with statistics."""
    from lifelong.data import columns as cols
    from lifelong.data import events as ev
    from lifelong.serving.behavior_store import Manifest
    from lifelong.serving.behavior_store.lmdb_store import LmdbStore
    from tests.sample_statistics import random_statistics

    log = _log()
    statistics = random_statistics(time=(int(log["timestamp"].max()) // DAY) * DAY)
    manifest = Manifest(contract=CONTRACT, shards=2, block_size=4, statistics_time=statistics.time)
    with LmdbStore.create(folder, manifest, statistics) as store:
        for user in np.unique(log["user"]):
            events = cols.take(log, log["user"] == user)
            events = cols.take(events, ev.time_order(events))
            store.append(cols.take(events, ~ev.repeats_previous(events)))


def main() -> None:
    """Does what it is told until standard input is closed."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # What libraries print is no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    functions = {it.__name__: it for it in (versions, train, bake, serve, rank)}
    with _STAYS:
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            answers.write(f"{json.dumps(functions[name](*arguments))}\n")


if __name__ == "__main__":
    main()
