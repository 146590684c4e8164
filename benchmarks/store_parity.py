"""Whether SIM hard through the behaviour store is SIM hard in the graph, on real eval requests."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator

import numpy as np

from benchmarks.finished_run import FinishedRun
from benchmarks.stores import both_stores
from benchmarks.trained_models import load_with_lengths
from lifelong.data.events import KEYS
from lifelong.data.evidence import count_evidence
from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_CATEGORY_EVIDENCE,
    CANDIDATE_ITEM_EVIDENCE,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    CANDIDATE_SLOT,
    HISTORY,
    HISTORY_ITEM,
    HISTORY_LENGTH,
    HISTORY_TIMESTAMP,
    OF_USER,
    REQUEST,
    REQUEST_EVIDENCE,
    REQUEST_TIMESTAMP,
    SEARCHED_ITEM,
    SEARCHED_LENGTH,
    SEARCHED_POSITION,
    SEARCHED_TIMESTAMP,
    STATISTICS,
)
from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.export import export_model
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.serving.behavior_store import BehaviorStore
from lifelong.serving.ranker import RankRequest
from lifelong.serving.request import Request, stack_requests
from lifelong.serving.searched_request import build_searched_request, search_history
from lifelong.serving.server.session import LoadedModel
from tests.signature_runs import run_signature

REQUESTS, _TOGETHER = 2_000, 50
# Shorter than S + L, so that what is counted and what is read end in different places.
SHORT_EVIDENCE = 500


@dataclasses.dataclass
class Parity:
    """What was compared.

    Attributes:
        requests: Requests.
        beyond_window: Of these, requests with more earlier events than the model's windows.
        candidates: Their candidates.
        events: Events that the searches found, all candidates together.
        largest_difference: Between the scores of a candidate.
        other_events: Candidates for which the store found other events than the graph.
        other_evidence: Candidates for which the store counted other evidence than their history has.
    """

    requests: int = 0
    beyond_window: int = 0
    candidates: int = 0
    events: int = 0
    largest_difference: float = 0.0
    other_events: int = 0
    other_evidence: int = 0


def measure_store_parity() -> list[str]:
    """Compares the two on real weights, real eval requests and the store of the last run.

    With the windows of today's defaults, and with an evidence window that many users have outgrown.
    """
    lengths = ({}, {"evidence_length": SHORT_EVIDENCE})
    return [line for changes in lengths for line in _measure(**changes)]


def _measure(**lengths: int) -> list[str]:
    run = FinishedRun.read(having="BehaviorTreeBuilder")
    model = load_with_lengths("sim_hard", **lengths)
    lines = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        export_model(model, run.transform_output(), f"{folder}/model", statistics=run.statistics())
        loaded = LoadedModel(f"{folder}/model", version=1)
        stores = opened.enter_context(
            both_stores(run.outputs["BehaviorTreeBuilder", "behavior_tree"])
        )
        requests = list(eval_requests(run, model.spec, REQUESTS))
        for name, store in stores.items():
            found = compare(loaded, store, requests, model.spec.model)
            lines.append(
                f"store parity, {name}, evidence of {model.spec.model.evidence_length:,} events: {found.requests:,} eval requests ({found.beyond_window:,} with"
                f" more events than the window), {found.candidates:,} candidates, {found.events:,}"
                f" events found: scores differ by at most {found.largest_difference:.1g}, other"
                f" events for {found.other_events} candidates, other evidence for"
                f" {found.other_evidence}"
            )
    return lines


def compare(
    model: LoadedModel, store: BehaviorStore, requests: list[Request], lengths: ModelConfig
) -> Parity:
    """Scores requests by the graph's own search and by the store's.

    Args:
        model: An exported model with SIM hard.
        store: Behaviour of the requests' users.
        requests: With all events that the model reaches and one more, B = 1.
        lengths: S, L, K and E of the model.
    """
    parity = Parity()
    for first in range(0, len(requests), _TOGETHER):
        part = requests[first : first + _TOGETHER]
        searched = [search(store, request, lengths) for request in part]
        expected = run_signature(model, "search", stack_requests(part))
        scores = run_signature(model, "searched_events", stack_requests(searched))["scores"]
        for row, (request, through_store) in enumerate(zip(part, searched, strict=True)):
            count = int(request[CANDIDATE_LENGTH][0])
            in_graph = _found_in_graph(request, expected[SEARCHED_POSITION][row, :count])
            in_store = _found_in_store(through_store, in_graph.shape)
            difference = np.abs(scores[row, :count] - expected["scores"][row, :count])
            parity.requests += 1
            parity.beyond_window += int(request[HISTORY_LENGTH][0] > lengths.max_events)
            parity.candidates += count
            parity.events += int((in_graph[:, :, 0] >= 0).sum())
            parity.largest_difference = max(parity.largest_difference, float(difference.max()))
            parity.other_events += int((in_store != in_graph).any(axis=(1, 2)).sum())
            if lengths.evidence_length:
                differs = _evidence_differs(request, through_store, lengths.evidence_length)
                parity.other_evidence += int(differs.sum())
    return parity


def eval_requests(run: FinishedRun, spec: ModelSpec, count: int) -> Iterator[Request]:
    """Yields real eval requests, B = 1, raw ids, with at most one event more than is reached."""
    files, window = run.raw_files("eval"), spec.model.max_events + 1
    dataset = request_dataset(files, record_spec(spec.features), window, _TOGETHER)
    yielded = 0
    for batch in dataset.as_numpy_iterator():
        del batch[CANDIDATE_LABEL]
        for row in range(min(len(batch["user"]), count - yielded)):
            # Both ways of asking use the model's own statistics.
            yield {
                name: values[row : row + 1]
                for name, values in batch.items()
                if name not in STATISTICS
            }
            yielded += 1
        if yielded == count:
            return


def as_rank_request(request: Request) -> RankRequest:
    """Returns what a client would ask with the store, given a request with its history."""
    count = int(request[CANDIDATE_LENGTH][0])
    return RankRequest(
        user=int(request["user"][0]),
        candidates={
            name.removeprefix(CANDIDATE): values[0, :count]
            for name, values in request.items()
            if name.startswith(CANDIDATE) and name != CANDIDATE_LENGTH
        },
        timestamp=int(request[REQUEST_TIMESTAMP][0]),
        request_features=_features(request, REQUEST),
        user_features=_features(request, OF_USER),
    )


def _features(request: Request, prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): values[0]
        for name, values in request.items()
        if name.startswith(prefix) and name != REQUEST_TIMESTAMP
    }


def search(store: BehaviorStore, request: Request, lengths: ModelConfig) -> Request:
    """Returns the request of `searched_events`, given one with its history."""
    asked = as_rank_request(request)
    with store.read(asked.user) as tree:
        history = search_history(
            tree,
            asked.candidates,
            asked.timestamp,
            lengths.short_length,
            lengths.long_length,
            lengths.searched_events,
            lengths.evidence_length,
        )
    return build_searched_request(
        asked.user,
        history,
        asked.candidates,
        asked.timestamp,
        asked.request_features,
        asked.user_features,
    )


def _evidence_differs(request: Request, through_store: Request, length: int) -> np.ndarray:
    """Returns for which candidates the store counted otherwise than a history is counted: `[N]`.

    Args:
        request: With its history.
        through_store: With the store's evidence.
        length: E, events of the evidence window.
    """
    events, count = int(request[HISTORY_LENGTH][0]), int(request[CANDIDATE_LENGTH][0])
    expected = count_evidence(
        {name: request[f"{HISTORY}{name}"][0, :events][::-1] for name in KEYS},
        {name: request[f"{CANDIDATE}{name}"][0, :count] for name in ("item", "category")},
        int(request[REQUEST_TIMESTAMP][0]),
        length,
    )
    differs = np.zeros(count, bool)
    for key, values in (
        (CANDIDATE_ITEM_EVIDENCE, expected.item),
        (CANDIDATE_CATEGORY_EVIDENCE, expected.category),
        (REQUEST_EVIDENCE, expected.request),
    ):
        differs |= (through_store[key][0] != values).any(axis=-1)
    return differs


def _found_in_graph(request: Request, position: np.ndarray) -> np.ndarray:
    """Returns time and item of the events at positions of the history; -1 where none: `[N, K, 2]`."""
    events = np.stack([request[HISTORY_TIMESTAMP][0], request[HISTORY_ITEM][0]], axis=-1)
    return np.where(position[:, :, np.newaxis] >= 0, events[position], -1)


def _found_in_store(request: Request, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the same of what the store found for the candidates' categories."""
    found = np.full(shape, -1, np.int64)
    for candidate, slot in enumerate(request[CANDIDATE_SLOT][0]):
        count = min(int(request[SEARCHED_LENGTH][0, slot]), shape[1])
        for place, name in enumerate((SEARCHED_TIMESTAMP, SEARCHED_ITEM)):
            found[candidate, :count, place] = request[name][0, slot, :count]
    return found
