"""`lifelong rank`: ranks candidates for a user of the log, through the model server."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lifelong.commands.command import with_options
from lifelong.data.keys import RANK_SIGNATURE
from lifelong.data.times import DAY
from lifelong.pipeline.config import Config, Workdir
from lifelong.serving.credentials import ClientSecurity

if TYPE_CHECKING:
    from lifelong.data.datasets.item_names import ItemNames
    from lifelong.serving.behavior_store import BehaviorStore
    from lifelong.serving.ranker.items import RankedItem


@dataclasses.dataclass(frozen=True)
class RankOptions:
    """Options of `lifelong rank`.

    Attributes:
        user: User id as in the log.
        top: Candidates to print.
        candidates: Candidates to rank: the most frequent items of the weeks before the request.
        weeks: Those weeks.
        evidence: Past events to print for each candidate, of those that the search found for it.
        at: Time of the request, a date or ISO time; empty is right after the user's last event. For
            a time in the past, the history is that of then, but a model that reads statistics of
            all users has those of its own table, or the store's newer ones if they do not count
            later days: what is printed tells if they count what came after the request.
        workdir: Folder of the run whose configuration, pushed model and behaviour store are used.
        store: Folder or address of the behaviour store; empty is where runs push to. If there is
            none, the user's history is read from the log.
        server: Address (host:port) of a running server; empty starts one for this command.
        security: TLS and token for `server`.
    """

    user: str
    top: int = 10
    candidates: int = 200
    weeks: int = 4
    evidence: int = 3
    at: str = ""
    workdir: str = "workdir"
    store: str = ""
    server: str = ""
    security: ClientSecurity = dataclasses.field(default_factory=ClientSecurity)


def rank(options: RankOptions) -> int:
    """Ranks candidates and prints the best with the past events that were found for them.

    Returns:
        0.

    Raises:
        ValueError: If the user is not known or an option makes no sense.
        OSError: If there is no run, no pushed model or no server.
    """
    from lifelong.data.logs.queries import popular_items
    from lifelong.data.times import parse_time
    from lifelong.pipeline.config_parser import load_config
    from lifelong.serving.client import PredictionClient
    from lifelong.serving.ranker import Ranker, RankRequest

    if options.security != ClientSecurity() and not options.server:
        raise ValueError(
            "security is set, but server is empty: the server that this command starts has neither "
            "TLS nor a token; name a --server"
        )
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    workdir = Workdir.at(options.workdir)
    config = load_config(workdir.config)
    with contextlib.ExitStack() as opened:
        store = opened.enter_context(_open_store(options, config, workdir))
        user = _find_user(options.user, store, config)
        now = parse_time(options.at, "at") if options.at else user.last_event + 1
        log = config.data.behaviors
        categories = config.data.read_categories()
        offered = popular_items(log, now, options.weeks, options.candidates, categories)
        if not len(offered.pop("count")):
            raise ValueError(
                f"no event in the {options.weeks} weeks before {_day(now)}; change --at"
            )
        address = opened.enter_context(_server_address(options, workdir, config))
        client = opened.enter_context(
            PredictionClient(address, config.name, security=options.security)
        )
        inputs = client.signatures()[RANK_SIGNATURE].inputs
        unknown = _unknown_features(inputs, len(offered["item"]))
        request = RankRequest(
            user=user.id,
            candidates=offered | unknown["candidate"],
            timestamp=now,
            recent=user.recent,
            request_features=unknown["request"],
            user_features=unknown["user"],
        )
        answer = Ranker(client, store).rank(request, options.top)
    sent_as_zero = [f"{of}_{name}" for of, features in unknown.items() for name in features]
    if sent_as_zero:
        print(f"not in the behaviour log, sent as 0: {', '.join(sent_as_zero)}")
    print(
        f"user {options.user} on {_day(now)}: {len(offered['item'])} candidates ranked over gRPC "
        f"with the last {answer.history_length} of {user.events} events, read from "
        f"{'the log' if store is None else 'the behaviour store'}"
    )
    if answer.statistics_age is not None:
        print(describe_age(answer.statistics_age, now))
    print()
    names = _names(answer.items, options.evidence, config, workdir)
    for place, item in enumerate(answer.items, 1):
        print(f"{place:3}. {item.score:.4f}  {names.describe(item.item, item.category)}")
        for event in item.evidence[: options.evidence]:
            print(
                f"{'':13}{_day(event.timestamp)}, relevance {event.relevance:g}: "
                f"{names.describe(event.item, event.category)}"
            )
        if len(item.evidence) > options.evidence:
            print(f"{'':13}and {len(item.evidence) - options.evidence} more events found")
    return 0


def describe_age(age: int, now: int) -> str:
    """Returns words for how old the statistics of all users' events are.

    Args:
        age: Seconds from the start of the day that they are as of to the request.
        now: Time of the request, Unix seconds.
    """
    # The day that they are as of is not counted.
    last = now - age - 1
    later = last // DAY - now // DAY
    if later > 0:
        told = f"{_days(later)} after the request: they count what came after it"
    elif later == 0:
        told = "the day of the request: they may count what came after it"
    elif later == -1:
        told = "the day before the request"
    else:
        told = f"{_days(-later - 1)} old"
    return f"statistics of all users' events up to {_day(last)}, {told}"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _names(
    ranked: Sequence[RankedItem], evidence: int, config: Config, workdir: Workdir
) -> ItemNames:
    """Returns what the items and categories are called that are printed."""
    from lifelong.data.datasets.item_names import ItemNames
    from lifelong.data.logs.texts import read_texts
    from lifelong.pipeline.default_data import is_default_data

    if is_default_data(config, workdir):
        return ItemNames(workdir.data)
    shown = [event for item in ranked for event in item.evidence[:evidence]]
    texts = read_texts(
        config.data.behaviors,
        {
            "item": [*(it.item for it in ranked), *(it.item for it in shown)],
            "category": [*(it.category for it in ranked), *(it.category for it in shown)],
        },
        config.data.items,
    )
    return ItemNames(None, texts["item"], texts["category"])


class _User(NamedTuple):
    """A user who has events: id, how many, time of the last, and all where no store has them."""

    id: int
    events: int
    last_event: int
    recent: dict[str, np.ndarray] | None


def _find_user(user: str, store: BehaviorStore | None, config: Config) -> _User:
    from lifelong.data.logs.queries import read_user_history, user_id

    if store is None:
        found, history = read_user_history(
            config.data.behaviors, config.data.features, user, config.data.read_categories()
        )
        if len(history["item"]):
            times = history["timestamp"]
            return _User(found, len(times), int(times[-1]), history)
        raise ValueError(
            f"user {user} has no event in {', '.join(config.data.behaviors.patterns)}; try another --user"
        )
    wanted = user_id(config.data.behaviors, user)
    with store.read(wanted) as tree:
        if tree.events:
            last = int(tree.history(1)["timestamp"][0])
            return _User(wanted, tree.events, last, None)
    raise ValueError(f"user {user} has no event in the behaviour store; try another --user")


@contextlib.contextmanager
def _open_store(
    options: RankOptions, config: Config, workdir: Workdir
) -> Iterator[BehaviorStore | None]:
    """Opens the store that was named or the runs' own; gives None if runs have not made any."""
    from lifelong.serving.behavior_store import open_store

    address = options.store or workdir.places(config).store_destination
    if not options.store and not config.store.destination and not Path(address).exists():
        yield None
        return
    with open_store(address) as store:
        yield store


def _unknown_features(
    inputs: Mapping[str, Any], candidates: int
) -> dict[str, dict[str, np.ndarray]]:
    """Returns zeros for the features that a behaviour log cannot tell, by owner and name."""
    known = {"item", "category", "timestamp", "length"}
    zeros: dict[str, dict[str, np.ndarray]] = {"candidate": {}, "request": {}, "user": {}}
    for key, spec in inputs.items():
        owner, _, name = key.partition("_")
        if owner in zeros and name and name not in known:
            size = candidates if owner == "candidate" else 1
            zeros[owner][name] = np.zeros(size, spec.dtype)
    return zeros


@contextlib.contextmanager
def _server_address(options: RankOptions, workdir: Workdir, config: Config) -> Iterator[str]:
    """Gives the address of the server: the one that was named, or one started for this command."""
    if options.server:
        yield options.server
        return
    import tensorflow as tf

    from lifelong.serving.server.server import ModelServer

    base_path = workdir.places(config).serving_folder
    if not tf.io.gfile.isdir(base_path):
        raise FileNotFoundError(
            f"{base_path} does not exist: no model was pushed; start with `lifelong run`"
        )
    with ModelServer.of_model(config.name, base_path, poll_interval_s=0) as server:
        yield server.address


def _day(timestamp: int) -> str:
    return datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).strftime("%Y-%m-%d")


COMMAND = with_options("rank candidates for a user of the log over gRPC", RankOptions, rank)
