"""What the last run pushed, opened together: the model behind a server, the store, the names of items."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lifelong.data.keys import RANK_SIGNATURE
from lifelong.data.spoken_times import counted, day_of
from lifelong.data.times import EARLIEST, LATEST, parse_time
from lifelong.pipeline.config import Config, Workdir
from lifelong.serving.credentials import ClientSecurity
from lifelong.serving.ranker.requests import RankRequest

if TYPE_CHECKING:
    from lifelong.data.datasets.item_names import ItemNames
    from lifelong.data.logs.item_categories import ItemCategories
    from lifelong.serving.behavior_store import BehaviorStore
    from lifelong.serving.client import PredictionClient

# More do not fit what people look at, nor, far beyond, the numbers of the log's columns.
_MOST_CANDIDATES = 10_000
_MOST_WEEKS = 5_200


@dataclasses.dataclass(frozen=True, kw_only=True)
class PushedOptions:
    """Options of commands that ask what the last run pushed.

    Attributes:
        workdir: Folder of the run whose configuration, pushed model and behaviour store are used.
        store: Folder or address of the behaviour store; empty is where runs push to. If there is
            none, the user's history is read from the log.
        server: Address (host:port) of a running server; empty starts one for this command.
        security: TLS and token for `server`.
    """

    workdir: str = "workdir"
    store: str = ""
    server: str = ""
    security: ClientSecurity = dataclasses.field(default_factory=ClientSecurity)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CandidateOptions(PushedOptions):
    """Options of commands that rank candidates for a user.

    Attributes:
        candidates: Candidates to rank: the most frequent items of the weeks before the request.
        weeks: Those weeks.
    """

    candidates: int = 200
    weeks: int = 4

    def __post_init__(self) -> None:
        for name, most in (("candidates", _MOST_CANDIDATES), ("weeks", _MOST_WEEKS)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 to {most:,}")


class NoCandidatesError(ValueError):
    """There is no event in the weeks before a request."""


class KnownUser(NamedTuple):
    """A user who has events.

    Attributes:
        id: In records and requests.
        events: How many.
        last_event: Time of the last, Unix seconds.
        recent: All of them, oldest first, where no store has them.
    """

    id: int
    events: int
    last_event: int
    recent: dict[str, np.ndarray] | None

    def request_time(self, at: str) -> int:
        """Returns the time of a request, Unix seconds.

        Args:
            at: A date or ISO time; empty is right after the user's last event.

        Raises:
            ValueError: `at` is no time, or one that no request can have.
        """
        if not at:
            return self.last_event + 1
        time = parse_time(at, "at")
        if not EARLIEST <= time <= LATEST:
            first, last = (day_of(it)[:4] for it in (EARLIEST, LATEST))
            raise ValueError(f"at is {at!r}; times of requests lie in the years {first} to {last}")
        return time


@dataclasses.dataclass(frozen=True)
class Pushed:
    """What the last run pushed.

    Attributes:
        config: Of the run.
        workdir: Of the run.
        store: Behaviour of users; None if runs have made none.
        connect: Starts or names the server, and returns a client of it.
    """

    config: Config
    workdir: Workdir
    store: BehaviorStore | None
    connect: Callable[[], PredictionClient]

    @functools.cached_property
    def client(self) -> PredictionClient:
        """A client of the server, which is started when it is first asked for: that takes seconds."""
        return self.connect()

    @functools.cached_property
    def categories(self) -> ItemCategories | None:
        """Those of the item table, if the log has none; the table is read once."""
        return self.config.data.read_categories()

    def find_user(self, user: str) -> KnownUser:
        """Finds a user by the id that the log has.

        Raises:
            ValueError: There is no such user.
        """
        from lifelong.data.logs.queries import read_user_history, user_id

        config = self.config
        if self.store is None:
            found, history = read_user_history(
                config.data.behaviors, config.data.features, user, self.categories
            )
            if len(history["item"]):
                times = history["timestamp"]
                return KnownUser(found, len(times), int(times[-1]), history)
            raise ValueError(
                f"user {user} has no event in {', '.join(config.data.behaviors.patterns)}; "
                "try another one"
            )
        wanted = user_id(config.data.behaviors, user)
        with self.store.read(wanted) as tree:
            if tree.events:
                last = int(tree.history(1)["timestamp"][0])
                return KnownUser(wanted, tree.events, last, None)
        raise ValueError(f"user {user} has no event in the behaviour store; try another one")

    def popular_items(self, before: int, weeks: int, most: int) -> dict[str, np.ndarray]:
        """Returns candidates: the most frequent items of the weeks before a request.

        Args:
            before: Time of the request, Unix seconds.
            weeks: Those weeks.
            most: Candidates at most.

        Returns:
            `item` and `category`, `[N]`.

        Raises:
            NoCandidatesError: There is no event in these weeks.
        """
        from lifelong.data.logs.queries import popular_items

        log = self.config.data.behaviors
        found = popular_items(log, before, weeks, most, self.categories)
        if not len(found.pop("count")):
            raise NoCandidatesError(
                f"no event in the {counted(weeks, 'week')} before {day_of(before)}, so that there are no "
                "candidates; choose another time (at) or more weeks"
            )
        return found

    def request(
        self, user: KnownUser, candidates: dict[str, np.ndarray], timestamp: int
    ) -> tuple[RankRequest, list[str]]:
        """Makes the request of a user; features that a behaviour log cannot tell are 0.

        Args:
            user: Who asks.
            candidates: `item` and `category`, `[N]`.
            timestamp: Unix seconds.

        Returns:
            The request, and the names of these features.
        """
        known = {"item", "category", "timestamp", "length"}
        zeros: dict[str, dict[str, np.ndarray]] = {"candidate": {}, "request": {}, "user": {}}
        for key, spec in self.client.signatures()[RANK_SIGNATURE].inputs.items():
            owner, _, name = key.partition("_")
            if owner in zeros and name and name not in known:
                size = len(candidates["item"]) if owner == "candidate" else 1
                zeros[owner][name] = np.zeros(size, spec.dtype)
        request = RankRequest(
            user=user.id,
            candidates=candidates | zeros["candidate"],
            timestamp=timestamp,
            recent=user.recent,
            request_features=zeros["request"],
            user_features=zeros["user"],
        )
        return request, [f"{owner}_{name}" for owner, names in zeros.items() for name in names]

    def names(self, items: Iterable[int], categories: Iterable[int]) -> ItemNames:
        """Returns what items and categories are called.

        Args:
            items: Ids that will be asked for.
            categories: Likewise.
        """
        from lifelong.data.datasets.item_names import ItemNames
        from lifelong.data.logs.texts import read_texts
        from lifelong.pipeline.default_data import is_default_data

        if is_default_data(self.config, self.workdir):
            return ItemNames(self.workdir.data)
        wanted = {"item": [*items], "category": [*categories]}
        texts = read_texts(self.config.data.behaviors, wanted, self.config.data.items)
        return ItemNames(None, texts["item"], texts["category"])


@contextlib.contextmanager
def open_pushed(options: PushedOptions) -> Iterator[Pushed]:
    """Opens the store and the server, and closes them.

    Args:
        options: Which.

    Raises:
        ValueError: An option makes no sense.
        OSError: There is no run, no pushed model or no server.
    """
    from lifelong.pipeline.config_parser import load_config

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
        connected = _connected(options, config, workdir)
        yield Pushed(config, workdir, store, lambda: opened.enter_context(connected))


@contextlib.contextmanager
def _open_store(
    options: PushedOptions, config: Config, workdir: Workdir
) -> Iterator[BehaviorStore | None]:
    """Opens the store that was named or the runs' own; gives None if runs have not made any."""
    from lifelong.serving.behavior_store import open_store

    address = options.store or workdir.places(config).store_destination
    if not options.store and not config.store.destination and not Path(address).exists():
        yield None
        return
    with open_store(address) as store:
        yield store


@contextlib.contextmanager
def _connected(
    options: PushedOptions, config: Config, workdir: Workdir
) -> Iterator[PredictionClient]:
    from lifelong.serving.client import PredictionClient

    with (
        _server_address(options, workdir, config) as address,
        PredictionClient(address, config.name, security=options.security) as client,
    ):
        if options.server:
            _check_server(client)
        yield client


def _check_server(client: PredictionClient) -> None:
    """Says what is wrong with a server that was named, before anything else is asked of it."""
    from lifelong.serving.prediction import PredictionError

    try:
        client.metadata()
    except PredictionError as error:
        raise ConnectionError(
            f"server {client.address} does not answer for the model {client.model_name}: {error}; "
            "check --server and --security, or leave --server out to have a server started"
        ) from error


@contextlib.contextmanager
def _server_address(options: PushedOptions, workdir: Workdir, config: Config) -> Iterator[str]:
    """Gives the address of the server: the one that was named, or one started for this command."""
    if options.server:
        yield options.server
        return
    from lifelong.components.running_model.serving_folder import running_version
    from lifelong.serving.server.server import ModelServer

    base_path = workdir.places(config).serving_folder
    if running_version(base_path) is None:
        raise FileNotFoundError(
            f"{base_path} holds no version of a model: none was pushed; start with `lifelong run`"
        )
    with ModelServer.of_model(config.name, base_path, poll_interval_s=0) as server:
        yield server.address
