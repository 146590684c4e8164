import numpy as np
import pytest

from lifelong.data.vocabulary import Vocabulary


def vocabulary(**counts):
    return Vocabulary(*(np.array(values, np.int64) for values in (counts["ids"], counts["counts"])))


def rows(found):
    return list(zip(found.ids.tolist(), found.counts.tolist(), strict=True))


def test_without_an_earlier_one_the_most_frequent_comes_first_and_the_smaller_of_equals():
    counted = vocabulary(ids=[9, 4, 2, 7], counts=[3, 5, 3, 1])
    assert rows(Vocabulary.of_none().updated(counted, 2)) == [(4, 5), (2, 3), (9, 3)]


def test_known_ids_stay_in_their_places_whatever_is_counted():
    known = vocabulary(ids=[9, 4, 2**62], counts=[8, 7, 6])
    counted = vocabulary(ids=[1, 2, 3, 9, 2**62], counts=[5, 1, 50, 1, 100])
    updated = known.updated(counted, 5)
    assert rows(updated) == [(9, 1), (4, 0), (2**62, 100), (3, 50), (1, 5)]
    assert updated.first(3).digest() == known.digest() != updated.digest()


def test_an_id_that_was_too_rare_gets_its_row_when_it_is_counted_often_enough():
    known = Vocabulary.of_none().updated(vocabulary(ids=[1, 2], counts=[5, 2]), 3)
    assert rows(known.updated(vocabulary(ids=[1, 2], counts=[5, 4]), 3)) == [(1, 5), (2, 4)]


def test_nothing_counted_changes_no_row():
    known = vocabulary(ids=[9, 4], counts=[8, 7])
    assert rows(known.updated(Vocabulary.of_none(), 1)) == [(9, 0), (4, 0)]


@pytest.mark.parametrize(
    ("ids", "text"),
    [([2**63 - 1, 0], b"9223372036854775807\t7\n0\t7\n"), ([], b"-1\t0\n")],
)
def test_a_file_has_a_line_per_id_and_is_never_empty(ids, text):
    known = vocabulary(ids=ids, counts=[7] * len(ids))
    assert known.to_tsv() == text
    assert rows(Vocabulary.from_tsv(text)) == rows(known)


def test_knows():
    assert vocabulary(ids=[5, 3], counts=[1, 1]).knows(np.array([3, 4, 5])).tolist() == [1, 0, 1]


def test_rows_are_counted_from_1_and_unknown_ids_have_0():
    known = vocabulary(ids=[9, 4, 2**62], counts=[8, 7, 6])
    wanted = np.array([4, 5, 2**62, 9, 4, 0, 2**62 + 1])
    assert known.rows(wanted).tolist() == [2, 0, 3, 1, 2, 0, 0]
    assert Vocabulary.of_none().rows(wanted).tolist() == [0] * 7
