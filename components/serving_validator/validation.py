"""The validation itself: from a SavedModel to what a server makes of it."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lifelong.components.serving_validator.client_requests import ClientRequests
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.latency import measure
from lifelong.components.serving_validator.pushed_files import (
    write_batching_parameters,
    write_warmup_requests,
)
from lifelong.components.serving_validator.recorded_requests import (
    RecordedRequest,
    read_requests,
    widen,
)
from lifelong.components.serving_validator.refusal import (
    ModelRefusedError,
    ServerFailedError,
    judge,
    machine_state,
)
from lifelong.components.serving_validator.scores import Reference, compare, evaluator_scores
from lifelong.components.serving_validator.server_process import NOT_LOADED, ServerProcess
from lifelong.data.keys import RANK_SIGNATURE as RANK_SIGNATURE
from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError

_CANDIDATE, _WARMED = 1, 2
_POLL_S = 0.1


@dataclasses.dataclass
class Findings:
    """What came of a validation; what was not reached is None.

    Attributes:
        reason: Why the model must not be pushed; empty if it may.
        requests: Requests whose scores were compared.
        largest_score_difference: Between served scores and the Evaluator's.
        latency_p50_ms: Median time of a Predict call with full history.
        latency_p99_ms: Its 99th percentile.
        warmup_requests: Records in the warm-up file.
        warmup_seconds: How long the warmed model took to load, warm-up included.
    """

    reason: str = ""
    requests: int | None = None
    largest_score_difference: float | None = None
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    warmup_requests: int | None = None
    warmup_seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A model that is to be pushed.

    Attributes:
        name: Name that clients use.
        path: Folder of the SavedModel.
        warmed_path: Where it is copied to, with what travels with it; nothing is left there if it
            must not be pushed.
        log: File for the server's messages.
    """

    name: str
    path: Path
    warmed_path: Path
    log: Path


def validate(candidate: Candidate, files: Sequence[str], config: ServingConfig) -> Findings:
    """Serves a model and decides whether it may be pushed.

    Args:
        candidate: The model.
        files: File patterns of raw per-user records.
        config: What is demanded.

    Returns:
        The findings. Whatever the model does wrong is a reason there, not an error.

    Raises:
        ValueError: There is no request to send.
        ServerFailedError: The server could not show it: it did not start or answer in time, or
            ended. That says nothing about the model; the next try may.
    """
    findings = Findings()
    requests = read_requests(files, config.validation_requests)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _serve(candidate, requests, config, Path(folder), findings)
    except (ModelRefusedError, PredictionError) as error:
        refused = judge(error) if isinstance(error, PredictionError) else error
        if isinstance(refused, ServerFailedError):
            raise refused from error
        findings.reason = str(refused)
        shutil.rmtree(candidate.warmed_path, ignore_errors=True)
    return findings


def _serve(
    candidate: Candidate,
    requests: Sequence[RecordedRequest],
    config: ServingConfig,
    folder: Path,
    findings: Findings,
) -> None:
    server = ServerProcess(candidate.name, folder, candidate.log, config.server_flags)
    server.add(_CANDIDATE, candidate.path)
    with server, ThreadPoolExecutor(1) as beside:
        # While the server starts.
        expected = beside.submit(evaluator_scores, str(candidate.path), requests)
        address = server.wait_until_listening(config.load_timeout_s)
        with PredictionClient(address, candidate.name, config.call_timeout_s, attempts=1) as client:
            _wait_until_loaded(client, _CANDIDATE, config.load_timeout_s)
            calls = ClientRequests.learn(client)
            _compare(client, calls, requests, expected.result(), config, findings)
            full = widen(requests, calls.contract.max_events, config.latency_candidates)
            _measure(client, calls, full, config, findings)

            shutil.copytree(candidate.path, candidate.warmed_path)
            write_batching_parameters(candidate.warmed_path, config)
            lengths = [requests[0], requests[len(requests) // 2], full]
            findings.warmup_requests = write_warmup_requests(
                candidate.warmed_path, candidate.name, calls, lengths, config
            )
            started = time.monotonic()
            server.add(_WARMED, candidate.warmed_path)
            _wait_until_loaded(client, _WARMED, config.load_timeout_s)
            findings.warmup_seconds = time.monotonic() - started


def _compare(
    client: PredictionClient,
    calls: ClientRequests,
    requests: Sequence[RecordedRequest],
    expected: Reference,
    config: ServingConfig,
    findings: Findings,
) -> None:
    found = compare(client, calls, requests, expected, config.max_batch_size)
    findings.requests = len(requests)
    findings.largest_score_difference = found.difference
    if not found.difference <= config.tolerance:
        raise ModelRefusedError(
            f"scores of signature {found.signature!r} differ from the Evaluator's by "
            f"{found.difference:.3g} (serving.tolerance: {config.tolerance:g})"
        )


def _measure(
    client: PredictionClient,
    calls: ClientRequests,
    full: RecordedRequest,
    config: ServingConfig,
    findings: Findings,
) -> None:
    inputs = calls.with_history(full)
    latency = measure(
        lambda: client.predict(inputs, RANK_SIGNATURE),
        config.latency_requests,
        config.latency_budget_ms,
    )
    findings.latency_p50_ms, findings.latency_p99_ms = latency
    if 0 < config.latency_budget_ms < latency.p99_ms:
        raise ModelRefusedError(
            f"the 99th percentile of a Predict call is {latency.p99_ms:.1f} ms for "
            f"{config.latency_candidates} candidates and a full history, over the budget of "
            f"{config.latency_budget_ms:g} ms (serving.latency_budget_ms); {machine_state()}"
        )


def _wait_until_loaded(client: PredictionClient, version: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for status in client.status():
            if status.version == version:
                if status.state == "AVAILABLE":
                    return
                if status.message:
                    error = PredictionError(status.code, status.message)
                    raise judge(error, "the server cannot load the model")
        time.sleep(_POLL_S)
    raise ServerFailedError(NOT_LOADED.format(timeout_s))
