import numpy as np
import pytest

from benchmarks.steps import fresh_model
from benchmarks.vocabulary import CANDIDATES, REQUESTS, default_spec, random_batch
from tests.sample_models import SMALL


@pytest.mark.parametrize("draw", ["uniform", "Zipf"])
def test_a_random_batch_has_all_that_a_model_is_told(draw):
    model = fresh_model(default_spec(50, SMALL))
    logits = model(random_batch(50, draw, SMALL.window)).numpy()
    assert logits.shape == (REQUESTS, CANDIDATES)
    assert np.isfinite(logits).all()
    assert np.ptp(logits) > 0
