import doctest
import importlib
import pkgutil

import pytest

import lifelong.models.layers as layers

MODULES = [module.name for module in pkgutil.iter_modules(layers.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_the_docstrings(module):
    loaded = importlib.import_module(f"{layers.__name__}.{module}")
    failed, _ = doctest.testmod(loaded)
    assert not failed


def test_every_layer_has_an_example_and_its_source():
    finder = doctest.DocTestFinder(recurse=False)
    for name in layers.__all__:
        public = getattr(layers, name)
        assert public.__doc__
        if hasattr(public, "get_config"):
            assert finder.find(public)[0].examples, name
            assert "References:" in public.__doc__, name


def test_importing_sets_no_variable_and_loads_no_pipeline(run_python):
    run_python(
        """
import os, sys
before = dict(os.environ)
import tensorflow as tf
tensorflow_alone = set(os.environ) | {"TF2_BEHAVIOR"}
import lifelong.models.layers
assert set(os.environ) <= tensorflow_alone, set(os.environ) - tensorflow_alone
assert "TF_USE_LEGACY_KERAS" not in set(os.environ) - set(before)
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"tfx", "apache_beam", "tensorflow_recommenders", "tensorflow_transform"}
"""
    )
