"""What to install where an import fails."""

from __future__ import annotations

import traceback
from importlib import metadata

# The first extra that has it, by the name that an import fails with.
EXTRAS = {
    "absl": "pipeline",
    "altair": "pipeline",
    "apache_beam": "pipeline",
    "jinja2": "pipeline",
    "jsonargparse": "pipeline",
    "markupsafe": "pipeline",
    "ml_metadata": "pipeline",
    "tensorboard": "pipeline",
    "tensorflow_metadata": "pipeline",
    "tensorflow_model_analysis": "pipeline",
    "tensorflow_recommenders": "pipeline",
    "tensorflow_transform": "pipeline",
    "tf_keras": "pipeline",
    "tfx": "pipeline",
    "tfx_bsl": "pipeline",
    "vl_convert": "pipeline",
    "yaml": "pipeline",
    "grpc_health": "server",
    "grpc_reflection": "server",
    "prometheus_client": "server",
    "tensorflow_serving": "server",
    "tornado": "server",
    "lmdb": "store",
    "redis": "store",
    "kfp": "kubeflow",
    "lightgbm": "experiments",
    "matplotlib": "experiments",
    "pandas": "experiments",
    "scipy": "experiments",
    "sklearn": "experiments",
}


def explained(error: ModuleNotFoundError, what: str) -> ModuleNotFoundError:
    """Returns the error that says which extra to install; the error itself if none would help.

    Args:
        error: Of an import.
        what: What needs the module, for the message.

    Example:
        >>> explained(ModuleNotFoundError(name="lmdb"), "the behaviour store").msg
        "the behaviour store needs lmdb, which is not installed; run: pip install 'lifelong[store]'"
    """
    module = error.name or ""
    if module not in EXTRAS:
        # Also where a part of an installed package is missing: that is a wrong version.
        return error
    return ModuleNotFoundError(
        f"{what} needs {module}, which is not installed; run: "
        f"pip install 'lifelong[{EXTRAS[module]}]'",
        name=error.name,
    )


def misfit(error: BaseException) -> str:
    """Says that tensorflow-serving-api does not fit the other packages, if that is what an error comes of.

    tfx-bsl 1.21 asks for a version before 2.20, which pip then installs. It does not load beside protobuf 6,
    which the same tfx-bsl asks for.

    Args:
        error: Of any kind.

    Returns:
        What is wrong and the command that mends it; empty if it is something else.
    """
    importing = (
        frame.f_globals.get("__name__", "")
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_name == "<module>"
    )
    if not any(name.startswith("tensorflow_serving.") for name in importing):
        return ""
    versions = {
        name: metadata.version(name)
        for name in ("protobuf", "tensorflow", "tensorflow-serving-api")
    }
    fitting = ".".join(versions["tensorflow"].split(".")[:2])
    return (
        f"tensorflow-serving-api {versions['tensorflow-serving-api']} does not load beside protobuf "
        f"{versions['protobuf']} ({error}); run: "
        f"pip install --no-deps 'tensorflow-serving-api=={fitting}.*'"
    )
