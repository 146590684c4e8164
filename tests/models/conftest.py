"""Small models of every kind and requests for them."""

import pytest

from tests import sample_models


@pytest.fixture(params=["none", "eta"])
def small_spec(request):
    """A specification for each long-term part."""
    return sample_models.small_spec(request.param)


@pytest.fixture(scope="session")
def batch():
    """Requests of several users, ids as embedding rows, histories longer and shorter than S."""
    return sample_models.all_requests(sample_models.RECORDS)
