"""Small short-term parts and what they are called with."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.embeddings import Embeddings
from lifelong.models.history import split_history
from lifelong.models.short_term import make_short_term
from tests.sample_models import SMALL, small_spec


@pytest.fixture
def embeddings_of():
    """The embedding tables of each part that `make_part` has made."""
    return {}


@pytest.fixture
def make_part(embeddings_of):
    """Makes the part of a name with random weights large enough to tell one input from another."""

    def make(name, **config):
        tf.keras.utils.set_random_seed(1)
        spec = small_spec("none")
        model = dataclasses.replace(spec.model, short_term=name, **config)
        spec = dataclasses.replace(spec, model=model)
        embeddings = Embeddings(spec)
        part = make_short_term(spec, embeddings)
        embeddings_of[part] = embeddings
        part(*request())
        rng = np.random.default_rng(3)
        for variable in part.trainable_variables:
            variable.assign(rng.normal(0, 0.7, variable.shape))
        return part

    return make


def request():
    """The arguments of a part for one request of one event."""
    wire = {
        "request_timestamp": tf.constant([10], tf.int64),
        "history_length": tf.constant([1], tf.int64),
        "history_item": tf.constant([[1]], tf.int64),
        "history_category": tf.constant([[1]], tf.int64),
        "history_timestamp": tf.constant([[5]], tf.int64),
    }
    short, _ = split_history(wire, SMALL.short_length, SMALL.long_length)
    return wire, tf.zeros([1, 1, SMALL.item_dim + SMALL.category_dim]), short


@pytest.fixture
def arguments(batch, embeddings_of):
    """Gives the arguments that a model would call a part with, of some requests."""

    def take(part, rows=slice(None), **changed):
        taken = {key: np.asarray(value)[rows] for key, value in {**batch, **changed}.items()}
        wire = {key: tf.constant(value) for key, value in taken.items()}
        short, _ = split_history(wire, SMALL.short_length, SMALL.long_length)
        return wire, embeddings_of[part].candidates(wire), short

    return take
