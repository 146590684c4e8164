"""A server under load for minutes: mixed traffic, pushes, bad versions, clients that break off."""

from __future__ import annotations

import collections
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.finished_run import FinishedRun
from benchmarks.pushes import Push, PushingThread, copy_version, variant_of
from benchmarks.traffic import MODEL, Traffic
from lifelong.data.keys import RANK_SIGNATURE
from lifelong.experiments.ranking_time import real_request
from lifelong.models.export import export_model
from lifelong.models.records import record_spec
from lifelong.serving.client import PredictionClient, VersionStatus
from tests.server_process import ServerProcess

SIZES = (20, 200, 1000)
_MAX_MESSAGE_BYTES = 8 * 2**20
_SAMPLE_S = 0.2
_DRAIN_S = 20.0
Inputs = Mapping[str, Mapping[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """What happened under load.

    Attributes:
        counts: Calls by kind.
        problems: Calls that failed or were answered wrongly; see `Traffic`.
        pushes: The versions that were pushed, in order.
        memory: Bytes that the server held, sampled from the first call to the last.
        latencies: Time of the call and its seconds, of good Predicts over gRPC.
        states: State of every version, newest first, once all calls had ended.
        sessions: TensorFlow sessions in the server then; see `ServerProcess`.
        exit_code: How the server ended when it was told to.
    """

    counts: Mapping[str, int]
    problems: Sequence[str]
    pushes: Sequence[Push]
    memory: Sequence[int]
    latencies: Sequence[tuple[float, float]]
    states: Sequence[VersionStatus]
    sessions: int
    exit_code: int

    @property
    def quarters(self) -> list[int]:
        """Median bytes of memory in each quarter of the time."""
        size = len(self.memory) // 4
        return [
            int(statistics.median(self.memory[first : first + size]))
            for first in range(0, 4 * size, size)
        ]


def measure_load(seconds: float = 600.0, push_every_s: float = 20.0) -> list[str]:
    """Loads a server with the trained model of the last run and another of the same shape.

    Args:
        seconds: How long.
        push_every_s: Seconds from one push to the next; every second version is a bad one.
    """
    run = FinishedRun.read()
    model = run.model()
    files, spec = run.raw_files("eval"), record_spec(model.spec.features)
    inputs = {
        f"{size} candidates": real_request(files, spec, model.spec.model.max_events, size)
        for size in SIZES
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variants = [folder / "trained", folder / "changed"]
        for variant in variants:
            export_model(model, run.transform_output(), str(variant), statistics=run.statistics())
            # The second one must give other scores.
            for variable in model.trainable_variables:
                variable.assign(variable * 0.9)
        report = put_under_load(folder, variants, inputs, seconds, push_every_s)
    return _lines(report, seconds)


def put_under_load(
    folder: Path,
    variants: Sequence[Path],
    inputs: Inputs,
    seconds: float,
    push_every_s: float,
    min_pushes: int = 0,
) -> LoadReport:
    """Runs a server, its clients and the pushes.

    Args:
        folder: Where to put versions and the server's log.
        variants: Folders of SavedModels that answer differently.
        inputs: Good requests; see `Traffic`.
        seconds: How long.
        push_every_s: Seconds from one push to the next.
        min_pushes: On a slow machine it goes on until there were so many.
    """
    expected = [
        {name: _scores(variant, values) for name, values in inputs.items()} for variant in variants
    ]
    base = folder / "versions"
    copy_version(variants[variant_of(1, len(variants))], base / "1")
    server = ServerProcess(
        {MODEL: base},
        folder / "server.log",
        poll_interval_s=0.2,
        # Bad versions are tried again before the next push.
        load_retry_interval_s=push_every_s / 3,
        rest_port=0,
        max_message_bytes=_MAX_MESSAGE_BYTES,
    )
    with server, PredictionClient(server.address, MODEL) as client:
        traffic = Traffic(
            server.address, server.rest_address, inputs, expected, _MAX_MESSAGE_BYTES + 1
        )
        pushing = PushingThread(base, variants, client, push_every_s)
        memory: list[int] = []
        traffic.start()
        pushing.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline or _go_on(pushing, min_pushes):
            memory.append(server.memory())
            time.sleep(_SAMPLE_S)
        pushing.stop()
        traffic.stop()
        return LoadReport(
            traffic.counts,
            [*traffic.problems, *([repr(pushing.error)] if pushing.error else [])],
            pushing.pushes,
            memory,
            traffic.latencies,
            _states_after_drain(client),
            _sessions_after_drain(server),
            server.stop(),
        )


def _go_on(pushing: PushingThread, min_pushes: int) -> bool:
    return pushing.is_alive() and len(pushing.pushes) < min_pushes


def _scores(model: Path, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    signature = tf.saved_model.load(str(model)).signatures[RANK_SIGNATURE]
    return signature(**{name: tf.constant(value) for name, value in inputs.items()})[
        "scores"
    ].numpy()


def _states_after_drain(client: PredictionClient) -> list[VersionStatus]:
    """Waits until no call is left that holds an old version."""
    deadline = time.monotonic() + _DRAIN_S
    while True:
        states = client.status()
        if all(it.state != "UNLOADING" for it in states) or time.monotonic() > deadline:
            return states
        time.sleep(_SAMPLE_S)


def _sessions_after_drain(server: ServerProcess) -> int:
    """Waits until no bad version is being tried again."""
    deadline = time.monotonic() + _DRAIN_S
    while True:
        sessions = server.live_sessions()
        if sessions == 1 or time.monotonic() > deadline:
            return sessions
        time.sleep(_SAMPLE_S)


def _lines(report: LoadReport, seconds: float) -> list[str]:
    calls = ", ".join(f"{count:,} {name}" for name, count in sorted(report.counts.items()))
    kinds = collections.Counter((push.kind, push.outcome) for push in report.pushes)
    pushed = ", ".join(
        f"{count} {kind} ({outcome})" for (kind, outcome), count in sorted(kinds.items())
    )
    ended = sum(state.state == "END" for state in report.states)
    megabytes = [f"{value / 2**20:,.0f}" for value in (report.memory[0], *report.quarters)]
    intervals = [(push.began, push.ended) for push in report.pushes if push.kind == "good"]
    during: list[float] = []
    otherwise: list[float] = []
    for began, duration in report.latencies:
        pushing = any(first <= began + duration and began <= last for first, last in intervals)
        (during if pushing else otherwise).append(duration)
    return [
        f"load: {seconds:g} s, {sum(report.counts.values()):,} calls: {calls}",
        f"load: {len(report.problems)} good calls failed{''.join(map(_indented, report.problems[:9]))}",
        f"load: {len(report.pushes)} versions pushed: {pushed}; {ended} have ended,"
        f" {report.sessions} session is left",
        f"load: memory of the server {megabytes[0]} MB at first, {' / '.join(megabytes[1:])} MB"
        f" in each quarter (median), {max(report.memory) / 2**20:,.0f} MB at most",
        f"load: Predict while a good version is loaded {_describe(during)}",
        f"load: Predict otherwise {_describe(otherwise)}",
    ]


def _indented(problem: str) -> str:
    return f"\n    {problem}"


def _describe(seconds: Sequence[float]) -> str:
    if not seconds:
        return "never"
    half, most = np.percentile(np.array(seconds) * 1e3, [50, 99])
    return f"p50 {half:.1f} ms, p99 {most:.1f} ms, at most {max(seconds) * 1e3:.0f} ms"
