"""`lifelong rank`: ranks candidates for a user of the log, through the model server."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lifelong.pipeline.config import Workdir


@dataclasses.dataclass(frozen=True)
class RankOptions:
    """Options of `lifelong rank`.

    Attributes:
        user: User id as in the log.
        top: Candidates to print.
        candidates: Candidates to rank: the most frequent items of the weeks before the request.
        weeks: Those weeks.
        evidence: Past events to print for each candidate, of those that the search found for it.
        at: Time of the request, a date or ISO time; empty is right after the user's last event.
        workdir: Folder of the run whose configuration and pushed model are used.
        server: Address (host:port) of a running server; empty starts one for this command.
    """

    user: str
    top: int = 10
    candidates: int = 200
    weeks: int = 4
    evidence: int = 3
    at: str = ""
    workdir: str = "workdir"
    server: str = ""


def rank(options: RankOptions) -> int:
    """Ranks candidates and prints the best with the past events that the search found for them.

    Returns:
        0.

    Raises:
        ValueError: If the user is not in the log or an option makes no sense.
        OSError: If there is no run, no pushed model or no server.
    """
    from lifelong.components.behavior_example_gen import history as logged
    from lifelong.components.behavior_example_gen.config import parse_time
    from lifelong.pipeline.config_parser import load_config
    from lifelong.pipeline.item_names import ItemNames
    from lifelong.serving.client import PredictionClient
    from lifelong.serving.ranking import rank as rank_request
    from lifelong.serving.request import build_request

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    workdir = Workdir(Path(options.workdir).resolve())
    config = load_config(workdir.config)
    log = config.data.behaviors
    user, history = logged.read_user_history(log, config.data.features, options.user)
    if not len(history["item"]):
        raise ValueError(f"user {options.user} has no event in {log.files}; try another --user")
    now = parse_time(options.at, "at") if options.at else int(history["timestamp"][-1]) + 1
    offered = logged.popular_items(log, now, options.weeks, options.candidates)
    if not len(offered["item"]):
        raise ValueError(f"no event in the {options.weeks} weeks before {_day(now)}; change --at")
    request = build_request(
        user,
        history,
        {key: offered[key] for key in ("item", "category")},
        now,
        config.model.window,
    )
    with (
        _server_address(options, workdir, config.name) as address,
        PredictionClient(address, config.name) as client,
    ):
        unknown = _fill_unknown(request, client.signatures()["serving_default"].inputs)
        ranked = rank_request(client, request, options.top)
    if unknown:
        print(f"not in the behaviour log, sent as 0: {', '.join(unknown)}")
    names = ItemNames(workdir.data)
    print(
        f"user {options.user} on {_day(now)}: {len(offered['item'])} candidates ranked over gRPC "
        f"with the last {int(request['history_length'][0])} of {len(history['item'])} events\n"
    )
    for place, result in enumerate(ranked, 1):
        print(f"{place:3}. {result.score:.4f}  {names.describe(result.item, result.category)}")
        for event in result.evidence[: options.evidence]:
            print(
                f"{'':13}{_day(event.timestamp)}, relevance {event.relevance:g}: "
                f"{names.describe(event.item, event.category)}"
            )
        if len(result.evidence) > options.evidence:
            print(f"{'':13}and {len(result.evidence) - options.evidence} more events found")
    return 0


def _fill_unknown(request: dict[str, np.ndarray], inputs: Mapping[str, Any]) -> list[str]:
    """Adds zeros for features that the behaviour log cannot tell; returns their names."""
    unknown = sorted(set(inputs) - set(request))
    for key in unknown:
        like = "candidate_item" if key.startswith("candidate_") else "user"
        request[key] = np.zeros(request[like].shape, inputs[key].dtype.as_numpy_dtype)
    return unknown


@contextlib.contextmanager
def _server_address(options: RankOptions, workdir: Workdir, name: str) -> Iterator[str]:
    """Gives the address of the server: the one that was named, or one started for this command."""
    if options.server:
        yield options.server
        return
    from lifelong.serving.server.server import ModelServer

    base_path = workdir.serving(name)
    if not base_path.is_dir():
        raise FileNotFoundError(
            f"{base_path} does not exist: no model was pushed; start with `lifelong run`"
        )
    with ModelServer(name, str(base_path), poll_interval_s=0) as server:
        yield server.address


def _day(timestamp: int) -> str:
    return datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).strftime("%Y-%m-%d")
