import doctest
import importlib
import inspect
import pkgutil
import re

import pytest
import tensorflow as tf

import lifelong.models.layers as layers
from tests.models.layers.layer_cases import CASES

MODULES = [module.name for module in pkgutil.iter_modules(layers.__path__)]
LAYERS = [name for name in layers.__all__ if hasattr(getattr(layers, name), "get_config")]
FUNCTIONS = [name for name in layers.__all__ if inspect.isfunction(getattr(layers, name))]

every_layer = pytest.mark.parametrize("name", LAYERS)


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_the_docstrings(module):
    loaded = importlib.import_module(f"{layers.__name__}.{module}")
    failed, _ = doctest.testmod(loaded)
    assert not failed


def sections(documented):
    """Returns what stands under each heading of a docstring."""
    text = inspect.cleandoc(documented.__doc__)
    parts = re.split(r"^(\w+):\n", text, flags=re.MULTILINE)
    return {"Summary": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@every_layer
def test_a_layer_tells_what_goes_in_and_out_and_where_it_comes_from(name):
    told = sections(getattr(layers, name))
    headings = ["Summary", "Args", "Call", "Returns", "Raises", "Example", "References"]
    assert list(told) == headings
    assert "ValueError: " in told["Raises"]
    assert ">>> " in told["Example"]
    # The place in the article, not the article alone
    for reference in re.split(r"^    - ", told["References"], flags=re.MULTILINE):
        assert not reference.strip() or re.search(r"section|Algorithm|equation", reference)
    arguments = set(inspect.signature(getattr(layers, name).__init__).parameters) - {"self"}
    assert set(re.findall(r"^    \*{0,2}(\w+):", told["Args"], re.MULTILINE)) == arguments


@every_layer
def test_the_tensors_that_a_layer_takes_are_told_with_their_shapes(name):
    told = sections(getattr(layers, name))
    for case in (case for case in CASES.values() if case.layer.__name__ == name):
        for argument in case.arguments:
            entry = re.search(rf"^    {argument.name}: `\[.*\]` ", told["Call"], re.MULTILINE)
            assert entry, argument.name
    assert re.search(r"`\[.*\]`", told["Returns"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_tells_what_goes_in_and_out(name):
    told = sections(getattr(layers, name))
    assert list(told) == ["Summary", "Args", "Returns", "Raises", "Example"]
    assert ">>> " in told["Example"]
    arguments = set(inspect.signature(getattr(layers, name)).parameters)
    assert set(re.findall(r"^    (\w+):", told["Args"], re.MULTILINE)) == arguments


def test_what_is_no_layer_nor_function_tells_its_attributes():
    for name in set(layers.__all__) - {*LAYERS, *FUNCTIONS}:
        told = sections(getattr(layers, name))
        fields = set(re.findall(r"^    (\w+): `\[", told["Attributes"], re.MULTILINE))
        assert fields == set(getattr(layers, name)._fields)


def test_all_layers_are_registered_under_one_package_name():
    registered = {
        tf.keras.utils.get_registered_name(getattr(layers, name)): name for name in LAYERS
    }
    assert registered == {f"lifelong>{name}": name for name in LAYERS}
    for full_name, name in registered.items():
        assert tf.keras.utils.get_registered_object(full_name) is getattr(layers, name)


def test_every_layer_is_among_the_cases():
    assert {case.layer.__name__ for case in CASES.values()} == set(LAYERS)
