import typing

import pytest

from lifelong.models.config import LongTermName
from lifelong.models.embeddings import Embeddings
from lifelong.models.long_term import LONG_TERM_PARTS, make_long_term
from tests.sample_models import small_spec


def test_the_configuration_knows_every_long_term_part():
    assert set(typing.get_args(LongTermName)) == set(LONG_TERM_PARTS)


@pytest.mark.parametrize("name", LONG_TERM_PARTS)
def test_a_long_term_part_is_made_by_its_name(name):
    spec = small_spec(name)
    assert type(make_long_term(spec, Embeddings(spec))) is LONG_TERM_PARTS[name]


def test_an_unknown_name_is_told_with_the_known_ones():
    spec = small_spec("dien")
    with pytest.raises(ValueError, match=r"'dien'; expected one of none, mean, .*, mimn"):
        make_long_term(spec, Embeddings(spec))
