import re

import lifelong.models.layers as layers


def test_the_docstring_is_the_table_of_contents():
    listed = re.findall(r"^- `(\w+)`: ", layers.__doc__, re.MULTILINE)
    assert listed == layers.__all__
    assert all(hasattr(layers, name) for name in listed)


def test_importing_loads_nothing_but_tensorflow(run_python):
    run_python(
        """
import sys
import tensorflow as tf
tf.keras.layers.Layer
before = set(sys.modules)
import lifelong.models.layers
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
assert loaded == {"lifelong"}, loaded
"""
    )
