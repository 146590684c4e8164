"""What decides, beside the configuration, whether what a component made earlier is still right.

Every runner skips a component whose parameters and inputs are those of an earlier run. So what lies
outside the pipeline, the logs and the places that it pushes to, comes in as parameters, which are computed
when a run is started.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping

import tensorflow as tf
from tfx.orchestration.data_types import RuntimeParameter

from lifelong.components.behavior_store_pusher.destinations import destination_state
from lifelong.components.log_reading.fingerprints import fingerprint_key
from lifelong.components.run_parameter import Parameter
from lifelong.components.running_model.serving_folder import serving_state
from lifelong.data.logs.fingerprint import log_fingerprints
from lifelong.pipeline.config import Config, Places
from lifelong.serving.behavior_store import StoreError

_RUNNING_MODEL, _RUNNING_STORE = "running_model", "running_store"


@dataclasses.dataclass(frozen=True)
class RunParameters:
    """Parameters of one run.

    Attributes:
        fingerprints: What each table of the configuration is like, by its name.
        running_model: What is in use in the serving folder.
        running_store: What is in use at the behaviour store's destination; empty if none is built.
    """

    fingerprints: Mapping[str, Parameter]
    running_model: Parameter
    running_store: Parameter

    @classmethod
    def of(cls, config: Config, places: Places) -> RunParameters:
        """Looks at logs and destinations.

        A destination that cannot be looked at from here is told as one where nothing is in use: its
        component runs then, and looks from where it runs.

        Args:
            config: The configuration.
            places: Where things are pushed to.

        Raises:
            OSError: A log cannot be read from here.
        """
        # Where nothing is in use, what an earlier run pushed is lost, or nothing was pushed yet: that
        # must not look like the run that pushed.
        nothing = f"nothing at {time.time_ns()}"
        running_model = _seen(lambda: serving_state(places.serving_folder), "serving_folder")
        running_store = ""
        if config.tree is not None:
            place, kept = places.store_destination, config.store.keep_versions
            seen = _seen(lambda: destination_state(place, kept), "store.destination")
            running_store = seen or nothing
        return cls(
            fingerprints=log_fingerprints(config.data.tables),
            running_model=running_model or nothing,
            running_store=running_store,
        )

    @classmethod
    def to_be_given(cls, config: Config) -> RunParameters:
        """Returns parameters that are given to a compiled pipeline when it is started."""
        return cls(
            fingerprints={table: _given(fingerprint_key(table)) for table in config.data.tables},
            running_model=_given(_RUNNING_MODEL),
            running_store=_given(_RUNNING_STORE) if config.tree is not None else "",
        )

    def by_name(self) -> dict[str, Parameter]:
        """Returns the parameters by the names under which `to_be_given` asks for them."""
        named = {fingerprint_key(table): it for table, it in self.fingerprints.items()}
        named[_RUNNING_MODEL] = self.running_model
        if self.running_store:
            named[_RUNNING_STORE] = self.running_store
        return named


def _seen(look: Callable[[], str], field: str) -> str:
    try:
        return look()
    except (OSError, StoreError, tf.errors.OpError) as error:
        print(f"{field} cannot be looked at from here: {error}", file=sys.stderr)
        return ""


def _given(name: str) -> RuntimeParameter:
    return RuntimeParameter(name=name, ptype=str)
