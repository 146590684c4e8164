"""Small models with a long-term part, and what the part is called with."""

import pytest

from lifelong.models.history import split_history
from tests.sample_models import small_spec, spread


@pytest.fixture(scope="session")
def make_model():
    """Makes the small model with a long-term part of a name and random weights."""

    def make(name, **config):
        return spread(small_spec(name, **config))

    return make


@pytest.fixture(scope="session")
def arguments():
    """Gives the arguments that a model would call its long-term part with."""

    def take(model, batch):
        config = model.spec.model
        _, long = split_history(batch, config.short_length, config.long_length)
        return batch, model.embeddings.candidates(batch), long

    return take
