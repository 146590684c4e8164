import numpy as np
import pytest

from lifelong.experiments.staleness.tables import (
    OLD,
    OLD_EVENTS,
    OWN,
    STALE_MODELS,
    index_of_date,
    tables_to_search,
)
from tests.sample_models import small_spec, spread

KNOWN = {"item": np.array([True, False, True]), "category": np.array([True, False])}


@pytest.fixture(scope="module", params=STALE_MODELS)
def stale(request):
    return request.param, STALE_MODELS[request.param]


def test_the_tables_are_those_that_baking_makes(stale, variant):
    name, model = stale
    architecture = variant(model.variant).model
    assert architecture.long_term == name
    assert architecture.unknown_items == "shared"
    spec = small_spec(name)
    tables = spread(spec).long_term.bake()
    for table, expected in zip(tables, model.tables, strict=True):
        assert table.shape[0] == spec.vocabulary_sizes[expected.vocabulary]
        if name == "sim_soft":
            assert table.name.startswith("history" if expected.of_events else "candidate")


def test_what_had_not_been_seen_is_looked_up_as_what_is_unknown(stale):
    tables = [
        np.arange(2.0 * len(KNOWN[table.vocabulary])).reshape(-1, 2) for table in stale[1].tables
    ]
    for index, table in zip(index_of_date(tables, stale[1], KNOWN), stale[1].tables, strict=True):
        expected = {"item": [[0, 1], [0, 1], [4, 5]], "category": [[0, 1], [0, 1]]}
        np.testing.assert_array_equal(index, expected[table.vocabulary])


def test_each_search_has_its_mixture_of_tables():
    soft, eta = STALE_MODELS["sim_soft"], STALE_MODELS["eta"]
    own, old = [np.array(i) for i in (1, 2, 3, 4)], [np.array(-i) for i in (1, 2, 3, 4)]
    assert tables_to_search(OWN, own, old, soft) == own
    assert tables_to_search(OLD, own, old, soft) == old
    assert tables_to_search(OLD_EVENTS, own, old, soft) == [-1, -2, 3, 4]
    assert tables_to_search(OLD, own[:1], old[:1], eta) == [-1]
