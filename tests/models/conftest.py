"""What the tests of models share."""

import pytest

from tests import sample_models


@pytest.fixture(scope="session")
def batch():
    """Requests of several users, ids as embedding rows, histories longer and shorter than S."""
    return sample_models.all_requests(sample_models.RECORDS)
