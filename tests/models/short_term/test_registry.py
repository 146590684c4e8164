import dataclasses
import typing

import pytest

from lifelong.models.config import ShortTermName
from lifelong.models.embeddings import Embeddings
from lifelong.models.short_term import SHORT_TERM_PARTS, make_short_term
from tests.sample_models import small_spec


def spec_of(name):
    spec = small_spec("none")
    return dataclasses.replace(spec, model=dataclasses.replace(spec.model, short_term=name))


def test_the_configuration_knows_every_short_term_part():
    assert set(typing.get_args(ShortTermName)) == set(SHORT_TERM_PARTS)


@pytest.mark.parametrize("name", SHORT_TERM_PARTS)
def test_a_short_term_part_is_made_by_its_name(name):
    spec = spec_of(name)
    part = make_short_term(spec, Embeddings(spec))
    assert type(part) is SHORT_TERM_PARTS[name]
    assert part.name == "short_term"


def test_an_unknown_name_is_told_with_the_known_ones():
    spec = spec_of("eta")
    with pytest.raises(
        ValueError, match=r"short_term is 'eta'; expected one of multi_head, .*, dien"
    ):
        make_short_term(spec, Embeddings(spec))
