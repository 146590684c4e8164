"""From rank requests to the inputs of Predict, and from its outputs to answers."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from lifelong.data.events import no_events
from lifelong.data.keys import (
    HISTORY_LENGTH,
    RANK_GIVEN_SIGNATURE,
    RANK_SEARCHED_GIVEN_SIGNATURE,
    SEARCH_GIVEN_SIGNATURE,
    SEARCH_SIGNATURE,
    STATISTICS_AGE,
)
from lifelong.data.keys import RANK_SEARCHED_SIGNATURE as RANK_SEARCHED_SIGNATURE
from lifelong.data.newest_statistics import CandidateStatistics
from lifelong.serving.behavior_store import BehaviorStore, Cut, StoreError, StoreFormatError
from lifelong.serving.prediction import Prediction
from lifelong.serving.ranker.items import best_items, found_by_model, found_by_store, no_evidence
from lifelong.serving.ranker.model_contract import ModelContract
from lifelong.serving.ranker.requests import RankedRequest, RankRequest, Timings
from lifelong.serving.request import (
    Request,
    Values,
    build_request,
    candidate_columns,
    check_user_and_time,
    stack_requests,
    with_statistics,
)
from lifelong.serving.searched_request import (
    SearchedHistory,
    build_searched_request,
    search_history,
)

# Who tells which events a search found, by the signature that was called.
_EVIDENCE: dict[str, Callable] = {
    RANK_SEARCHED_SIGNATURE: found_by_store,
    RANK_SEARCHED_GIVEN_SIGNATURE: found_by_store,
    SEARCH_SIGNATURE: found_by_model,
    SEARCH_GIVEN_SIGNATURE: found_by_model,
    RANK_GIVEN_SIGNATURE: no_evidence,
    "": no_evidence,
}
# The signature for the same request with statistics.
_GIVEN_STATISTICS = {
    RANK_SEARCHED_SIGNATURE: RANK_SEARCHED_GIVEN_SIGNATURE,
    SEARCH_SIGNATURE: SEARCH_GIVEN_SIGNATURE,
    "": RANK_GIVEN_SIGNATURE,
}


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """One request as tensors."""

    inputs: Request
    signature: str
    degraded: str
    store_s: float
    build_s: float


@dataclasses.dataclass(frozen=True)
class Batch:
    """Requests of one signature as one call.

    Attributes:
        inputs: Of the call.
        signature: To call.
        rows: Place of each row among the requests, and what it was made of.
    """

    inputs: Request
    signature: str
    rows: tuple[tuple[int, _Prepared], ...]


def prepare(
    store: BehaviorStore | None,
    contract: ModelContract,
    requests: Sequence[RankRequest],
    explain: bool,
) -> list[Batch]:
    """Reads the store and makes the inputs.

    Args:
        store: Behaviour of users. Where it fails, or is None, requests go on with the events that
            they bring.
        contract: Of the model.
        requests: At least one.
        explain: Whether to ask for the events that the search found.

    Returns:
        Calls that answer all requests.

    Raises:
        ValueError: A request cannot be used; the message names the user and the field.
        StoreFormatError: The store is not one that the model can use.
    """
    groups: dict[str, list[tuple[int, _Prepared]]] = defaultdict(list)
    for index, request in enumerate(requests):
        try:
            prepared = _prepare(store, contract, request, explain)
        except ValueError as error:
            raise ValueError(f"request {index}, user {request.user}: {error}") from error
        groups[prepared.signature].append((index, prepared))
    return [
        Batch(stack_requests([prepared.inputs for _, prepared in rows]), signature, tuple(rows))
        for signature, rows in groups.items()
    ]


def answers(
    batch: Batch, prediction: Prediction, top: int, rpc_s: float
) -> dict[int, RankedRequest]:
    """Returns the answer to each request of a call, by its place.

    Args:
        batch: The call.
        prediction: What it returned.
        top: Candidates to return.
        rpc_s: Seconds that it took.
    """
    ranked = {}
    for row, (index, prepared) in enumerate(batch.rows):
        outputs = {name: values[row : row + 1] for name, values in prediction.outputs.items()}
        ranked[index] = RankedRequest(
            user=int(prepared.inputs["user"][0]),
            items=tuple(best_items(prepared.inputs, outputs, top, _EVIDENCE[batch.signature])),
            history_length=int(prepared.inputs[HISTORY_LENGTH][0]),
            degraded=prepared.degraded,
            model_version=prediction.version,
            timings=Timings(prepared.store_s, prepared.build_s, rpc_s),
            statistics_age=_age(outputs),
        )
    return ranked


def _age(outputs: Request) -> int | None:
    return int(outputs[STATISTICS_AGE][0]) if STATISTICS_AGE in outputs else None


def _prepare(
    store: BehaviorStore | None, contract: ModelContract, request: RankRequest, explain: bool
) -> _Prepared:
    # Before the store is asked, which takes any integers.
    check_user_and_time(request.user, request.timestamp)
    candidates = candidate_columns(request.candidates)
    started = time.perf_counter()
    read, degraded = _read(store, contract, request, candidates)
    signature = _signature(contract, read, explain)
    counted = None
    # A store that has just failed is not asked again.
    if store is not None and not degraded:
        counted, degraded = _read_statistics(store, contract, request, candidates)
    midway = time.perf_counter()
    rest = (candidates, request.timestamp)
    features = (request.request_features, request.user_features)
    if isinstance(read, SearchedHistory):
        searched = contract.select_searched(read)
        inputs = build_searched_request(request.user, searched, *rest, *features)
    else:
        history = contract.select(read)
        inputs = build_request(request.user, history, *rest, contract.max_events, *features)
    if counted is not None:
        inputs, signature = with_statistics(inputs, counted), _GIVEN_STATISTICS[signature]
    took = time.perf_counter()
    return _Prepared(inputs, signature, degraded, midway - started, took - midway)


def _signature(contract: ModelContract, read: SearchedHistory | Values, explain: bool) -> str:
    """Returns the signature for what was read, where the model's own statistics are used."""
    if isinstance(read, SearchedHistory):
        return RANK_SEARCHED_SIGNATURE
    return SEARCH_SIGNATURE if explain and contract.explains else ""


def _read_statistics(
    store: BehaviorStore, contract: ModelContract, request: RankRequest, candidates: Values
) -> tuple[CandidateStatistics | None, str]:
    """Returns the store's statistics, None where the model's own are to be used, and why they must be."""
    if not contract.prefers_statistics(store.manifest.statistics_time, request.timestamp):
        return None, ""
    try:
        return store.statistics_of(candidates["item"], candidates["category"]), ""
    except StoreError as error:
        return None, f"statistics: {error}"


def _read(
    store: BehaviorStore | None,
    contract: ModelContract,
    request: RankRequest,
    candidates: Values,
) -> tuple[SearchedHistory | Values, str]:
    """Returns what is known of the user, and why it is only what the request brings."""
    degraded = ""
    if store is not None:
        try:
            with store.read(request.user) as tree:
                if not contract.searches_store:
                    return tree.history(contract.max_events, Cut(request.timestamp)), ""
                return search_history(
                    tree,
                    candidates,
                    request.timestamp,
                    contract.short_length,
                    contract.long_length,
                    contract.searched_events,
                    contract.evidence_length,
                ), ""
        except StoreFormatError:
            raise
        except StoreError as error:
            degraded = str(error)
    if request.recent is None:
        return no_events(contract.event_features), degraded
    return request.recent, degraded
