"""Every layer in a model that is saved and reloaded, in a fresh process, scores as it did before."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.models.layers.layer_calls import FEWER_CALLS, SAME, assert_same, built, eager, traced
from tests.models.layers.layer_cases import BATCHES, CASES

pytestmark = pytest.mark.slow

keras = tf.keras


@keras.utils.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """Somebody else's model around any of the layers."""

    def __init__(self, layer, options, **kwargs):
        super().__init__(**kwargs)
        self.layer, self.options = layer, options

    def build(self, input_shape):
        shapes = tuple(tuple(shape) for shape in input_shape)
        if not self.layer.built:
            self.layer.build(shapes[0] if len(shapes) == 1 else shapes)
        self.built = True

    def call(self, inputs):
        return tf.nest.flatten(self.layer(*inputs, **self.options))

    def get_config(self):
        layer = keras.layers.serialize(self.layer)
        return {**super().get_config(), "layer": layer, "options": self.options}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        layer = keras.layers.deserialize(config.pop("layer"))
        return cls(layer=layer, **config)


def functional(name, policy, masked):
    case = CASES[name]
    inputs = [
        keras.Input(argument.spec.shape[1:], dtype=argument.dtype.name)
        for argument in case.taken(masked)
    ]
    return keras.Model(inputs, case(built(name, policy), inputs))


# What is saved: a layer, a precision and whether a mask is given
FORMS = {
    "saved_model": FEWER_CALLS,
    # Those of the calls that are not subclassed
    "functional": [call for call in FEWER_CALLS if call[1:] != ("float32", True)],
    "subclassed": [call for call in FEWER_CALLS if call[1:] == ("float32", True)],
}
RELOADED = [(form, *call) for form, calls in FORMS.items() for call in calls]
SAVED_BATCHES = list(BATCHES)[:4]

RELOAD = """
import functools, json, sys
folder, root = sys.argv[1:]
sys.path.insert(0, root)
import numpy as np, tensorflow as tf
plan = json.load(open(f"{folder}/plan.json"))
tensors = {name: tf.constant(value) for name, value in np.load(f"{folder}/inputs.npz").items()}
results = {}

def call(form, model):
    for index, key, names in plan[form]:
        outputs = tf.nest.flatten(model(index)([tensors[name] for name in names]))
        for place, output in enumerate(outputs):
            wide = tf.cast(output, tf.float32) if output.dtype.is_floating else output
            results[f"{form}/{key}/{place}"] = wide.numpy()

# A SavedModel needs nothing but TensorFlow.
saved = tf.saved_model.load(f"{folder}/saved_model")
call("saved_model", lambda index: lambda inputs: saved.graphs[index](*inputs))
assert not any(name.startswith("lifelong") for name in sys.modules)

load = functools.cache(tf.keras.models.load_model)
import lifelong.models.layers
call("functional", lambda index: load(f"{folder}/functional_{index}.keras"))
# Somebody else's class
import tests.models.layers.test_reloading
call("subclassed", lambda index: load(f"{folder}/subclassed_{index}.keras"))
np.savez(f"{folder}/outputs.npz", **results)
"""


def key_of(name, policy, masked, batch):
    return f"{name}/{policy}/{masked}/{batch}"


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory, request, run_python):
    """Saves all layers in all forms; gives what they return in one fresh process, by form and call."""
    folder = tmp_path_factory.mktemp("reloading")
    root = tf.Module()
    root.graphs = [traced(*call) for call in FEWER_CALLS]
    root.variables_of_layers = [built(name, policy).variables for name, policy, _ in FEWER_CALLS]
    tf.saved_model.save(root, str(folder / "saved_model"))
    for index, call in enumerate(FORMS["functional"]):
        functional(*call).save(folder / f"functional_{index}.keras")
    for index, (name, policy, masked) in enumerate(FORMS["subclassed"]):
        model = Subclassed(built(name, policy), CASES[name].options)
        model(CASES[name].draw(BATCHES["one candidate"], masked))
        model.save(folder / f"subclassed_{index}.keras")

    inputs = {
        f"{name}/{batch}/{argument.name}": tensor.numpy()
        for name, case in CASES.items()
        for batch in SAVED_BATCHES
        for argument, tensor in zip(case.arguments, case.draw(BATCHES[batch]), strict=True)
    }
    plan = {
        form: [
            (
                index,
                key_of(*call, batch),
                [
                    f"{call[0]}/{batch}/{argument.name}"
                    for argument in CASES[call[0]].taken(call[2])
                ],
            )
            for index, call in enumerate(calls)
            for batch in SAVED_BATCHES
        ]
        for form, calls in FORMS.items()
    }
    np.savez(folder / "inputs.npz", **inputs)
    (folder / "plan.json").write_text(json.dumps(plan))
    run_python(RELOAD, folder, request.config.rootpath)
    return np.load(folder / "outputs.npz")


@pytest.mark.parametrize(("form", "name", "policy", "masked"), RELOADED)
def test_a_reloaded_model_gives_what_it_gave(reloaded, form, name, policy, masked):
    for batch in SAVED_BATCHES:
        expected = [
            tf.cast(output, tf.float32) if output.dtype.is_floating else output
            for output in eager(name, policy, masked, batch)
        ]
        key = f"{form}/{key_of(name, policy, masked, batch)}"
        outputs = [tf.constant(reloaded[f"{key}/{place}"]) for place in range(len(expected))]
        assert_same(outputs, expected, SAME[policy], batch)
