"""Maps the top-level folders into the namespace package `lifelong`, and names the artifact types' module.

Everything else about the distribution is declared in pyproject.toml.
"""

from setuptools import find_packages, setup

FOLDERS = (
    "data",
    "models",
    "serving",
    "components",
    "pipeline",
    "experiments",
    "report",
    "explain",
    "commands",
)

packages = [
    package
    for folder in FOLDERS
    for package in (
        f"lifelong.{folder}",
        *(f"lifelong.{folder}.{sub}" for sub in find_packages(folder)),
    )
]

setup(
    license="Apache-2.0",
    packages=packages,
    # Kubeflow and Vertex name types of artifacts by a module of the top level.
    py_modules=["lifelong_artifacts"],
    package_dir={f"lifelong.{folder}": folder for folder in FOLDERS},
    # `lifelong` itself is a namespace, so each of its parts says that it has types.
    package_data={f"lifelong.{folder}": ["py.typed", "templates/*"] for folder in FOLDERS},
)
