"""The artifact that holds all vocabularies of a model."""

from __future__ import annotations

from tfx import types


class Vocabularies(types.Artifact):
    """A file of ids and counts per vocabulary, and the statistics of numeric features.

    See `lifelong.models.vocabulary_files`. Custom properties: the number of known ids by vocabulary.
    """

    TYPE_NAME = "Vocabularies"
