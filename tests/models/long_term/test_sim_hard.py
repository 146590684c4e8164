import numpy as np

from tests.sample_models import SMALL


def test_the_most_recent_events_of_the_category_are_found(make_model, arguments, batch):
    model = make_model("sim_hard")
    wire, query, long = arguments(model, batch)
    found = model.long_term.search(wire, query, long)
    categories, valid = long.values["history_category"].numpy(), long.mask.numpy()
    counts = set()
    for row, column in np.ndindex(*query.shape[:2]):
        same = categories[row] == wire["candidate_category"][row, column].numpy()
        expected = np.flatnonzero(same & valid[row])[: SMALL.searched_events]
        mask = found.mask[row, column].numpy()
        np.testing.assert_array_equal(found.position[row, column].numpy()[mask], expected)
        counts.add(len(expected))
    assert {0, 1} <= counts


def test_the_item_does_not_matter_to_the_search(make_model, arguments, batch):
    model = make_model("sim_hard")
    wire, query, long = arguments(model, batch)
    found = model.long_term.search(wire, query, long)
    wire = dict(wire, candidate_item=wire["candidate_item"] * 0)
    values = dict(long.values, history_item=long.values["history_item"] * 0)
    again = model.long_term.search(wire, query * 0, long._replace(values=values))
    for before, after in zip(found, again, strict=True):
        np.testing.assert_array_equal(before, after)
