"""How a store speaks with Redis: its address, time limits, retries and errors."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

import redis
from redis.backoff import EqualJitterBackoff, NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    WatchError,
)
from redis.retry import Retry

from lifelong.serving.behavior_store.errors import (
    StoreCorruptedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)

_DEFAULT_NAME = "lifelong"
# Names become part of patterns of keys: nothing that means something there.
_NAME = re.compile(r"[\w.-]+", re.ASCII)

Answer = TypeVar("Answer")


@dataclasses.dataclass(frozen=True)
class RedisOptions:
    """Time limits and retries.

    Attributes:
        connect_timeout_s: Longest time to connect; `socket_connect_timeout` in the address wins.
        timeout_s: Longest time for an answer; `socket_timeout` in the address wins.
        retries: Tries after the first when the server cannot be reached.
        first_wait_s: Wait before the first of them; each further wait is twice as long.
        longest_wait_s: Longest wait.
    """

    connect_timeout_s: float = 1.0
    timeout_s: float = 2.0
    retries: int = 1
    first_wait_s: float = 0.05
    longest_wait_s: float = 1.0


class RedisConnection:
    """A pool of connections to a server; threads may share it.

    Args:
        address: `redis://`, `rediss://` (TLS) or `unix://`, with user, password, host, port,
            database and options as redis-py has them, and `name`, the prefix of all keys.
        options: Time limits and retries.

    Attributes:
        client: Sends a command once; `run` retries.
        name: Prefix of all keys.
        where: The address without user and password, for messages.

    Raises:
        ValueError: The address cannot be read.
    """

    def __init__(self, address: str, options: RedisOptions) -> None:
        url, self.name = _split(address)
        try:
            self.client: Any = redis.Redis.from_url(
                url,
                socket_connect_timeout=options.connect_timeout_s,
                socket_timeout=options.timeout_s,
                # A lost answer says nothing about what the server did: what is sent again is a
                # whole operation, by `run`, never a command.
                retry=Retry(NoBackoff(), 0),
            )
            pool = self.client.connection_pool
            # Connects to nothing, but knows which options there are.
            pool.connection_class(**pool.connection_kwargs)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the address of the Redis server: {error}") from None
        self.where = f"{_place(url, pool.connection_kwargs)}?name={self.name}"
        wait = EqualJitterBackoff(cap=options.longest_wait_s, base=options.first_wait_s / 2)
        self._retry = Retry(wait, options.retries, (ConnectionError, TimeoutError))

    def run(self, operation: Callable[[], Answer]) -> Answer:
        """Runs an operation, again and again with growing waits while the server is out of reach.

        Args:
            operation: Sends commands. It must cope with being run again after a part of it, or
                all of it, was done.

        Returns:
            What the operation returns.

        Raises:
            WatchError: A transaction met another one.
            StoreError: Anything else that Redis complained of.
        """
        with self._explained():
            return self._retry.call_with_retry(operation, _stop_if_hopeless)

    def close(self) -> None:
        """Closes all connections."""
        self.client.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns redis-py's errors into those of a store."""
        try:
            yield
        except WatchError:
            raise
        except AuthenticationError as error:
            raise StoreError(
                f"{self.where} refused user and password ({error}); give them in the address:"
                " redis://user:password@host"
            ) from error
        except (ConnectionError, TimeoutError) as error:
            raise StoreUnavailableError(f"{self.where} cannot be reached: {error}") from error
        except RedisError as error:
            # redis-py repeats the whole command, with what it was to store.
            text = str(error).rpartition(" of pipeline caused error: ")[2]
            raise self._refusal(error, text) from None

    def _refusal(self, error: RedisError, text: str) -> StoreError:
        if isinstance(error, OutOfMemoryError) or text.startswith(("OOM", "MISCONF")):
            return StoreFullError(
                f"{self.where} takes no more ({text}); what was stored before is still there. Give"
                " it more memory (maxmemory) or disk and write again"
            )
        if text.startswith("WRONGTYPE"):
            return StoreCorruptedError(
                f"{self.where}: a key of the store holds something else ({text}); another program"
                " uses this name: take another `name` in the address"
            )
        if isinstance(error, ReadOnlyError):
            return StoreError(f"{self.where} is a replica ({text}); write to the primary server")
        if isinstance(error, ResponseError):
            return StoreError(f"{self.where} refused a command: {text}")
        return StoreError(f"{self.where}: {text}")


def _stop_if_hopeless(error: Exception) -> None:
    if isinstance(error, AuthenticationError):
        raise error


def _split(address: str) -> tuple[str, str]:
    """Returns the address as redis-py knows it, and the name."""
    try:
        parts = urlsplit(address)
        # Asked for here, as the error would quote a part of the password.
        _ = parts.port
    except ValueError:
        raise ValueError(
            "the address of the Redis server cannot be read; expected"
            " redis://user:password@host:port/database?name=lifelong, special characters of user"
            " and password as %XX"
        ) from None
    query = parse_qs(parts.query)
    name = query.pop("name", [_DEFAULT_NAME])[-1]
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"the address of the Redis server: name is {name!r}; expected letters, digits, '_', '-'"
            " and '.'"
        )
    return parts._replace(query=urlencode(query, doseq=True)).geturl(), name


def _place(url: str, options: dict[str, Any]) -> str:
    scheme, _, _ = url.partition("://")
    if "path" in options:
        return f"{scheme}://{options['path']}"
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    return f"{scheme}://{host}:{port}/{options.get('db', 0)}"
