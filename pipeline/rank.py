"""`lifelong rank`: ranks candidates for a user of the log, through the model server."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lifelong.pipeline.config import Config, Workdir

_DAY = "%Y-%m-%d"


@dataclasses.dataclass(frozen=True)
class RankOptions:
    """Options of `lifelong rank`.

    Attributes:
        user: User id as in the log.
        top: Candidates to print.
        candidates: Candidates to rank: the most bought items of the weeks before the request.
        weeks: Those weeks.
        evidence: Past events to print for each candidate, of those the search found for it.
        at: Time of the request, a date or ISO time; empty is right after the log's last event.
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
    """Ranks and prints.

    Raises:
        ValueError: If the user is not in the log, or an option makes no sense.
        OSError: If there is no run, no pushed model or no server.
    """
    from lifelong.components.behavior_example_gen import user_history
    from lifelong.components.behavior_example_gen.config import parse_time
    from lifelong.pipeline.saved_config import load_config
    from lifelong.serving.ranking import rank as rank_request
    from lifelong.serving.request import build_request

    workdir = Workdir(Path(options.workdir).resolve())
    config = load_config(workdir.config)
    log = config.data.behaviors
    history = user_history.read_user_history(log, config.data.all_features, options.user)
    if not len(history["item"]):
        raise ValueError(f"user {options.user} has no event in {log.files}; try another --user")
    now = parse_time(options.at, "at") if options.at else user_history.last_time(log) + 1
    offered = user_history.popular_items(log, now, options.weeks, options.candidates)
    with _client(options, workdir, config) as client:
        inputs = client.signatures()["serving_default"].inputs
        user = user_history.to_id(options.user)
        request = build_request(
            user,
            history,
            {"item": offered["item"], "category": offered["category"]},
            now,
            config.model.window,
        )
        _fill_unknown_features(request, inputs)
        ranked = rank_request(client, request, options.top)
    names = _Names(workdir)
    events = int(request["history_length"][0])
    print(
        f"user {options.user} at {_date(now)}: {len(offered['item'])} candidates, "
        f"the {events} most recent of {len(history['item'])} events sent over gRPC\n"
    )
    print(f"{'item':>10}  {'score':>6}  category and name")
    for result in ranked:
        print(f"{result.item:>10}  {result.score:6.4f}  {names.of(result.item, result.category)}")
        for event in result.evidence[: options.evidence]:
            print(
                f"{'':20}{_date(event.timestamp)}  distance {event.distance:>2}  "
                f"{event.item} {names.of(event.item, event.category)}"
            )
        if result.evidence:
            print(f"{'':20}the search found {len(result.evidence)} events")
    return 0
