import re

import lifelong.models.layers as layers


def test_the_docstring_is_the_table_of_contents():
    listed = re.findall(r"^- `(\w+)`: ", layers.__doc__, re.MULTILINE)
    assert listed == layers.__all__
    assert all(hasattr(layers, name) for name in listed)


def test_importing_loads_nothing_but_tensorflow_and_sets_no_variable(run_python):
    run_python(
        """
import os, sys
variables = dict(os.environ)
import tensorflow as tf
tf.keras.layers.Layer
modules, variables_of_tensorflow = set(sys.modules), dict(os.environ)
import lifelong.models.layers
loaded = {name.partition(".")[0] for name in set(sys.modules) - modules}
assert loaded == {"lifelong"}, loaded
after = dict(os.environ)
# TensorFlow sets this one where it is first used.
after.pop("TF2_BEHAVIOR", None), variables_of_tensorflow.pop("TF2_BEHAVIOR", None)
assert after == variables_of_tensorflow
assert after.get("TF_USE_LEGACY_KERAS") == variables.get("TF_USE_LEGACY_KERAS")
"""
    )
