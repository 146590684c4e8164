"""SavedModels made on the spot, and servers on free ports."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
import tensorflow as tf

from lifelong.serving.client import PredictionClient
from lifelong.serving.server.server import ModelServer


class HalfPlus(tf.Module):
    """y = x / 2 + offset, and signatures that provoke what a server must cope with."""

    def __init__(self, offset: float, vocabulary: str):
        super().__init__()
        self.offset = tf.Variable(offset)
        self.vocabulary = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                vocabulary,
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            num_oov_buckets=1,
        )

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="x")])
    def half_plus(self, x):
        return {"y": x / 2.0 + self.offset}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="a"),
            tf.TensorSpec([None], tf.int64, name="b"),
        ]
    )
    def combine(self, a, b):
        b = tf.cast(b, tf.float32)
        return {"sum": a + b, "product": a * b}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def look_up(self, word):
        return {"id": self.vocabulary.lookup(word), "word": word}

    @tf.function(input_signature=[tf.TensorSpec([], tf.string, name="gate")])
    def wait(self, gate):
        """Writes GATE.started, then runs until the file GATE exists."""
        tf.io.write_file(gate + ".started", "")

        def closed(step):
            # Depends on the step, lest the optimiser takes the look-up out of the loop.
            path = tf.strings.regex_replace(gate + "#" + tf.strings.as_string(step), "#.*", "")
            return tf.equal(tf.size(tf.io.matching_files(path)), 0)

        (steps,) = tf.while_loop(closed, lambda step: [step + 1], [tf.constant(0, tf.int64)])
        return {"y": self.offset + 0.0 * tf.cast(steps, tf.float32)}

    def save(self, path: str) -> str:
        signatures = {
            "serving_default": self.half_plus,
            "combine": self.combine,
            "look_up": self.look_up,
            "wait": self.wait,
        }
        tf.saved_model.save(self, path, signatures=signatures)
        return path


@pytest.fixture(scope="session")
def half_plus(tmp_path_factory):
    """Folders of two exported models: y = x / 2 + 1 and y = x / 2 + 2, by their offset."""
    folder = tmp_path_factory.mktemp("half_plus")
    words = folder / "words.txt"
    words.write_text("apple\npear\nplum\n")
    exported = {k: HalfPlus(float(k), str(words)).save(str(folder / str(k))) for k in (1, 2)}
    # Loading must take the vocabulary from the model's own assets.
    words.unlink()
    return exported


def save_on_examples(path: str) -> str:
    """Saves a TF1-style model on tf.Examples, y = x / 2 + c + 2, with all method names.

    Only this way do signatures share an input tensor, as MultiInference wants. Names that start
    with "bad" break one rule each.
    """
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        examples = v1.placeholder(tf.string, [None], "examples")
        other = v1.placeholder(tf.string, [None], "other")
        parsed = tf.io.parse_example(
            examples,
            {
                "x": tf.io.FixedLenFeature([], tf.float32),
                "c": tf.io.FixedLenFeature([], tf.float32, 0.0),
            },
        )
        y = parsed["x"] / 2.0 + parsed["c"] + 2.0
        column = y[:, tf.newaxis]
        scores = tf.concat([column, -column], axis=1)
        classes = tf.tile([["up", "down"]], [tf.size(y), 1])
        integers = tf.cast(y, tf.int32)

        def signature(method, outputs, inputs=None):
            return v1.saved_model.signature_def_utils.build_signature_def(
                *(
                    {alias: v1.saved_model.build_tensor_info(it) for alias, it in side.items()}
                    for side in (inputs or {"inputs": examples}, outputs)
                ),
                f"tensorflow/serving/{method}",
            )

        both = {"classes": classes, "scores": scores}
        signatures = {
            "serving_default": signature("regress", {"outputs": y}),
            "column": signature("regress", {"outputs": column}),
            "classify": signature("classify", both),
            "scores": signature("classify", {"scores": scores}),
            "classes": signature("classify", {"classes": classes}),
            "loose": signature("predict", {"outputs": y}),
            "loose_classes": signature("predict", both),
            "other": signature("regress", {"outputs": y}, {"inputs": other}),
            "bad_inputs": signature("regress", {"outputs": y}, {"inputs": examples, "o": other}),
            "bad_input_name": signature("classify", both, {"examples": examples}),
            "bad_outputs": signature("regress", both),
            "bad_output_name": signature("regress", {"y": y}),
            "bad_three": signature("classify", {**both, "y": y}),
            "bad_neither": signature("classify", {"y": y}),
            "bad_wide": signature("regress", {"outputs": scores}),
            "bad_scalar_batch": signature("regress", {"outputs": tf.constant([1.0])}),
            "bad_type": signature("regress", {"outputs": integers}),
            "bad_rank": signature("classify", {"scores": y}),
            "bad_score_type": signature("classify", {"scores": integers[:, tf.newaxis]}),
            "bad_class_type": signature("classify", {"classes": scores}),
            "bad_class_batch": signature("classify", {"classes": tf.constant([["up"]])}),
            "bad_match": signature("classify", {"classes": classes, "scores": column}),
        }
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    return path


@pytest.fixture(scope="session")
def on_examples(tmp_path_factory):
    """Folder of an exported model that takes tf.Examples."""
    return save_on_examples(str(tmp_path_factory.mktemp("on_examples") / "model"))


def push(source: str, base: Path, version: int) -> Path:
    """Copies a model as TFX's Pusher does: saved_model.pb last."""
    target = base / str(version)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("saved_model.pb"))
    shutil.copy(Path(source) / "saved_model.pb", target)
    return target


def wait_for(condition, timeout_s=20.0):
    """Waits until a condition holds; fails when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


@pytest.fixture(scope="session", name="push")
def push_fixture():
    return push


@pytest.fixture(scope="session", name="wait_for")
def wait_for_fixture():
    return wait_for


@pytest.fixture(scope="module")
def server(half_plus, tmp_path_factory):
    """A server of `two`, version 3: y = x / 2 + 2."""
    base = tmp_path_factory.mktemp("two")
    push(half_plus[2], base, 3)
    with ModelServer.of_model("two", str(base), poll_interval_s=0) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with PredictionClient(server.address, "two") as connected:
        yield connected


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """A key and a certificate of 127.0.0.1, its own authority."""
    if not shutil.which("openssl"):
        pytest.skip("makes certificates with openssl")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
    name = "subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [*command.split(), "-addext", name, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return key, certificate
