"""Finds the model and version that a request's ModelSpec asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from tensorflow_serving.apis import model_pb2

from lifelong.serving.server.errors import (
    invalid_argument,
    not_found,
    servable_not_found,
)
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.versions import ModelVersions, VersionState


class ModelRegistry:
    """The models of a server by name.

    Args:
        models: Versions of each model.
    """

    def __init__(self, models: Iterable[ModelVersions]) -> None:
        self._models = {versions.name: versions for versions in models}

    def poll(self) -> None:
        """Polls every model once."""
        for versions in self._models.values():
            versions.poll()

    def close(self) -> None:
        """Retires every version of every model."""
        for versions in self._models.values():
            versions.close()

    def lease(self, spec: model_pb2.ModelSpec) -> contextlib.AbstractContextManager[LoadedModel]:
        """Holds the version that a spec asks for; see `ModelVersions.lease`.

        Args:
            spec: Model name, and a version; the newest available one without.

        Returns:
            A context manager of the loaded model.

        Raises:
            ServingError: No name, an unknown label, an unknown model or version.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        version = spec.version.value if choice == "version" else None
        if spec.name not in self._models:
            raise servable_not_found(spec.name, version)
        return self._models[spec.name].lease(version)

    def states(self, spec: model_pb2.ModelSpec) -> list[VersionState]:
        """Returns the states of one or all versions of a model, newest first.

        Raises:
            ServingError: NOT_FOUND when the model or the version was never seen.
        """
        states = self._models[spec.name].states() if spec.name in self._models else []
        if spec.HasField("version"):
            version = spec.version.value
            states = [state for state in states if state.version == version]
            if not states:
                raise not_found(f"Could not find version {version} of model {spec.name}")
        if not states:
            raise not_found(f"Could not find any versions of model {spec.name}")
        return states
