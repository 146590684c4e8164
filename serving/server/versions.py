"""Watches a model's base folder and keeps the versions loaded that a policy asks for."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2

from lifelong.serving.server.errors import as_serving_error, servable_not_found
from lifelong.serving.server.memory import release_memory
from lifelong.serving.server.policy import VersionPolicy, aspired, latest
from lifelong.serving.server.session import SAVED_MODEL_FILE, LoadedModel
from lifelong.serving.server.version_folders import folder_names, is_complete, version_path
from lifelong.serving.version_number import find_versions, version_number

State = get_model_status_pb2.ModelVersionStatus.State
LOADING = State.Value("LOADING")
AVAILABLE = State.Value("AVAILABLE")
UNLOADING = State.Value("UNLOADING")
END = State.Value("END")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class VersionState:
    """Where a version is in its life.

    Attributes:
        version: Version number.
        state: A value of ModelVersionStatus.State.
        code: OK, or why loading failed.
        message: Why loading failed.
    """

    version: int
    state: int
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


@dataclasses.dataclass
class _Served:
    model: LoadedModel
    calls: int = 0
    retired: bool = False


@dataclasses.dataclass
class _Failure:
    fingerprint: tuple[int, int]
    attempts: int = 0
    next_attempt: float = 0.0


class ModelVersions:
    """The versions of one model.

    A version is a folder under the base path with an int64 as its name and a `saved_model.pb`;
    other names are skipped with a warning. `poll` loads the versions that the policy asks for, newest first, then retires the others; calls
    that still run on a retired version finish before it is freed. While none of the versions
    asked for can be loaded, whatever was served is served on, and loading is tried again.

    Any thread may call any method; polls wait for each other.

    Args:
        name: Model name, for messages.
        base_path: Folder of the version folders; anything that tf.io.gfile reads.
        load: Makes a ready (warmed-up) model of a version's path and number.
        policy: Which versions to load; the latest one by default.
        max_retries: How often a failed load is tried again.
        retry_interval_s: Seconds between two attempts.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        name: str,
        base_path: str,
        load: Callable[[str, int], LoadedModel],
        *,
        policy: VersionPolicy | None = None,
        max_retries: int = 5,
        retry_interval_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._base_path = base_path
        self._policy = policy or latest()
        self._load = load
        self._max_retries = max_retries
        self._retry_interval_s = retry_interval_s
        self._clock = clock
        self._polling = threading.Lock()
        self._lock = threading.Lock()
        # Never changed, only replaced, under the lock.
        self._served: Mapping[int, _Served] = {}
        self._states: dict[int, VersionState] = {}
        self._failures: dict[int, _Failure] = {}
        self._told: dict[str, str] = {}

    def poll(self) -> None:
        """Looks at the base folder once and loads and unloads what changed."""
        with self._polling:
            paths = self._list()
            if paths is None:
                return
            wanted = aspired(self._policy, paths)
            self._give_up_on_others(wanted)
            for version in wanted:
                if version not in self._served:
                    self._try_load(version, paths[version])
            if not wanted or any(version in self._served for version in wanted):
                self._retire(keep=wanted)

    def configure(self, base_path: str, policy: VersionPolicy) -> None:
        """Changes where versions are found and which are loaded, from the next poll on."""
        with self._polling:
            self._base_path = base_path
            self._policy = policy

    def close(self) -> None:
        """Retires all versions; each is freed when its last call has finished."""
        with self._polling:
            self._give_up_on_others(())
            self._retire(keep=())

    @contextlib.contextmanager
    def lease(self, version: int | None = None) -> Iterator[LoadedModel]:
        """Holds a version in memory for the length of a call.

        Args:
            version: Version number; the newest that is available by default.

        Yields:
            The loaded model.

        Raises:
            ServingError: NOT_FOUND when the version is not available.
        """
        with self._lock:
            served = self._served
            number = max(served, default=None) if version is None else version
            if number is None or number not in served:
                raise servable_not_found(self.name, version)
            entry = served[number]
            entry.calls += 1
        try:
            yield entry.model
        finally:
            with self._lock:
                entry.calls -= 1
                last = entry.retired and not entry.calls
            if last:
                self._free(entry)

    def states(self) -> list[VersionState]:
        """Returns the state of every version seen so far, newest first."""
        with self._lock:
            return [self._states[version] for version in sorted(self._states, reverse=True)]

    def _list(self) -> dict[int, str] | None:
        """Returns version folders that are complete; none when the base folder is unreadable."""
        try:
            names = folder_names(self._base_path)
        except (tf.errors.OpError, OSError) as error:
            # As in TensorFlow Serving, an unreadable base folder unloads nothing.
            self._tell({self._base_path: f"cannot be listed: {error}"})
            return None
        problems = {}
        complete = []
        for name in names:
            number = version_number(name)
            try:
                if number is None or is_complete(version_path(self._base_path, name)):
                    complete.append(name)
            except tf.errors.OpError as error:
                problems[name] = f"cannot be read: {error}"
                # Whether it is still there is not known: what is served is served on.
                if number in self._served:
                    complete.append(name)
        found = find_versions(complete)
        problems |= {name: f"is skipped: {reason}" for name, reason in found.skipped.items()}
        self._tell(problems)
        return {it: version_path(self._base_path, name) for it, name in found.folders.items()}

    def _tell(self, problems: dict[str, str]) -> None:
        """Logs what is wrong in the base folder, each problem once for as long as it stays."""
        for name, problem in problems.items():
            if self._told.get(name) != problem:
                _log.warning("model %s: %r %s", self.name, name, problem)
        self._told = problems

    def _try_load(self, version: int, path: str) -> None:
        fingerprint = _fingerprint(path)
        failure = self._failures.get(version)
        # A pusher may still have been writing saved_model.pb when it was read: a file that has
        # changed since is tried at once, as a new one.
        if not failure or failure.fingerprint != fingerprint:
            failure = _Failure(fingerprint)
        elif failure.attempts > self._max_retries or self._clock() < failure.next_attempt:
            return
        self._set_state(VersionState(version, LOADING))
        began = time.monotonic()
        try:
            model = self._load(path, version)
        except Exception as error:
            self._record_failure(version, failure, error)
            release_memory()
            return
        self._failures.pop(version, None)
        with self._lock:
            self._served = {**self._served, version: _Served(model)}
            self._states[version] = VersionState(version, AVAILABLE)
        _log.info(
            "model %s: version %d is available (%.1f s)",
            self.name,
            version,
            time.monotonic() - began,
        )

    def _record_failure(self, version: int, failure: _Failure, error: Exception) -> None:
        cause = as_serving_error(error)
        failure.attempts += 1
        failure.next_attempt = self._clock() + self._retry_interval_s
        self._failures[version] = failure
        state = END if failure.attempts > self._max_retries else LOADING
        self._set_state(VersionState(version, state, cause.code, cause.message))
        _log.error(
            "model %s: version %d failed to load (attempt %d of %d): %s",
            self.name,
            version,
            failure.attempts,
            self._max_retries + 1,
            cause,
        )

    def _give_up_on_others(self, wanted: Collection[int]) -> None:
        """Forgets failures of versions that are no longer wanted; if they return, they are new."""
        for version in [version for version in self._failures if version not in wanted]:
            del self._failures[version]
            with self._lock:
                self._states[version] = dataclasses.replace(self._states[version], state=END)

    def _retire(self, keep: Collection[int]) -> None:
        with self._lock:
            retired = {number: it for number, it in self._served.items() if number not in keep}
            self._served = {number: it for number, it in self._served.items() if number in keep}
            for number, entry in retired.items():
                entry.retired = True
                self._states[number] = VersionState(number, UNLOADING)
            idle = [entry for entry in retired.values() if not entry.calls]
        for entry in idle:
            self._free(entry)

    def _free(self, entry: _Served) -> None:
        entry.model.close()
        release_memory()
        version = entry.model.version
        with self._lock:
            # The same number may have been loaded again meanwhile.
            if self._states[version].state == UNLOADING:
                self._states[version] = VersionState(version, END)
        _log.info("model %s: version %d is unloaded", self.name, version)

    def _set_state(self, state: VersionState) -> None:
        with self._lock:
            self._states[state.version] = state


def _fingerprint(path: str) -> tuple[int, int]:
    """Returns size and time of change of a version's saved_model.pb; zeros when it is gone."""
    try:
        found = tf.io.gfile.stat(version_path(path, SAVED_MODEL_FILE))
    except tf.errors.OpError:
        return (0, 0)
    return (found.length, found.mtime_nsec)
