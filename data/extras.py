"""Which extra of the distribution brings a module that is not installed."""

from __future__ import annotations

# The first extra that has it, by the module's first name.
EXTRAS = {
    "absl": "pipeline",
    "apache_beam": "pipeline",
    "jsonargparse": "pipeline",
    "ml_metadata": "pipeline",
    "tensorflow_metadata": "pipeline",
    "tensorflow_model_analysis": "pipeline",
    "tensorflow_recommenders": "pipeline",
    "tensorflow_transform": "pipeline",
    "tf_keras": "pipeline",
    "tfx": "pipeline",
    "tfx_bsl": "pipeline",
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
