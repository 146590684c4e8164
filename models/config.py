"""Choices of the model and of its training, as the configuration and the command line name them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from typing import Any, Literal, get_args

from lifelong.data import config_json
from lifelong.data.contract import DataContract
from lifelong.data.features import Feature

LongTermName = Literal[
    "none", "mean", "full", "sim_hard", "sim_soft", "eta", "sdim", "twin", "mimn"
]
ShortTermName = Literal["multi_head", "target_attention", "dien"]
SoftSearchName = Literal["exact", "alsh", "index"]
TableTypeName = Literal["float32", "bfloat16", "int8"]
OptimizerName = Literal["lazy_adam", "adam", "adagrad"]
UnknownItemsName = Literal["shared", "hash_buckets", "category"]


@dataclasses.dataclass(frozen=True)
class SoftSearchConfig:
    """SIM's soft search (`sim_soft`): its vectors, its training and how it is served.

    Attributes:
        dim: Size of its own item and category embeddings, each; vectors are twice as long.
        auxiliary_weight: Alpha, weight of the auxiliary click loss, which trains the search.
        click_weight: Beta, weight of the model's own click loss.
        sampled_length: Longest history read in training; of a longer one, a random sub-sequence.
        ahead_epochs: Epochs in which the search alone is trained before the rest of the model, and
            then frozen; 0 trains both jointly.
        served_by: The search of the baked model: `exact` inner products, `alsh` (signatures for
            inner products) or `index` (inner products with events of each item's nearest clusters).
        alsh_bits: Bits of a signature of `alsh`.
        clusters: Clusters that `index` divides items into. Longer histories want more, about L / 8.
        searched_clusters: Of these, the nearest to a candidate, whose events `index` looks at.
    """

    dim: int = 16
    auxiliary_weight: float = 1.0
    click_weight: float = 1.0
    sampled_length: int = 1024
    ahead_epochs: int = 0
    served_by: SoftSearchName = "exact"
    alsh_bits: int = 128
    clusters: int = 128
    searched_clusters: int = 32

    def __post_init__(self) -> None:
        for least, names in (
            (1, ("dim", "sampled_length", "alsh_bits", "clusters", "searched_clusters")),
            (0, ("ahead_epochs", "auxiliary_weight", "click_weight")),
        ):
            values = {f"model.soft_search.{name}": getattr(self, name) for name in names}
            _check_at_least(least, **values)


@dataclasses.dataclass(frozen=True)
class TwinConfig:
    """TWIN (`twin`): how its search, which is the attention's own, begins.

    Attributes:
        ahead_epochs: Epochs in which the attention reads all events, before it chooses them: what it
            would choose untrained, it would never learn to replace. 0: it chooses from the start.
    """

    ahead_epochs: int = 1

    def __post_init__(self) -> None:
        _check_at_least(0, **{"model.twin.ahead_epochs": self.ahead_epochs})


@dataclasses.dataclass(frozen=True)
class MimnConfig:
    """The memory of `mimn`.

    Attributes:
        slots: Slots m of a memory.
        units: Size of a slot's address, of its content, of its channel and of the controller.
        channels: Channels, of m, that an event changes.
        utilization_weight: Weight of the loss for slots that are written unevenly.
        written_length: Newest events of the long history that are written, one after another.
    """

    slots: int = 4
    units: int = 32
    channels: int = 2
    utilization_weight: float = 0.1
    written_length: int = 200

    def __post_init__(self) -> None:
        names = ("slots", "units", "channels", "written_length")
        _check_at_least(1, **{f"model.mimn.{name}": getattr(self, name) for name in names})
        _check_at_least(0, **{"model.mimn.utilization_weight": self.utilization_weight})
        if self.channels > self.slots:
            raise ValueError(
                f"model.mimn.channels is {self.channels}; it must be at most "
                f"model.mimn.slots = {self.slots}"
            )


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Architecture of the request-shaped click-through-rate model.

    Attributes:
        long_term: The long-term part: baselines (`none`, `mean`), attention over all events
            (`full`), searches (`sim_hard`, `sim_soft`, `eta`, `twin`), hash collisions (`sdim`) or a
            memory written event by event (`mimn`). With an L of 1,000 `full` ranks as fast as a search.
        short_term: How the short-term part, if there is one, is read: by the attention of the exact
            search unit (`multi_head`), a network for each pair of candidate and event
            (`target_attention`, of DIN), or interest states (`dien`).
        dien_auxiliary_weight: Weight of DIEN's auxiliary loss on the next event.
        short_length: S, the most recent events, which the short-term part reads; 0 leaves it out.
        long_length: L, the events before those, which the long-term part searches.
        searched_events: K, how many of the L events the search hands to the exact search unit.
        signature_bits: M, bits of a SimHash signature (`eta`).
        soft_search: The search of `sim_soft`.
        twin: The training of `twin`.
        mimn: The memory of `mimn`.
        search_vectors: Item feature whose vectors `eta` hashes or `sim_soft` multiplies, instead of
            vectors that the model learns. Empty: those that it learns.
        evidence_length: Newest events of which counts, times and rates of each candidate's item and
            category are taken, whatever a search finds; may be more than S + L. 0: none are.
        statistics: Whether the model also sees how often all users have met the candidate's item and
            category up to the day of the request.
        unknown_items: What an item outside the vocabulary is looked up as: all as one row
            (`shared`); by the hash of its id in one of `item_buckets` rows (`hash_buckets`); or as the
            unknown item of its category, one row for each (`category`). Evidence and statistics tell
            unknown items apart in any case.
        item_buckets: Rows of unknown items with `hash_buckets` and `category`, for good: more
            categories than that share rows.
        spare_share: Rows that a table of ids has to spare for ids that later trainings append, as a
            share of those in use.
        item_dim: Size of an item embedding; the signature hashes this vector alone.
        category_dim: Size of a category embedding.
        embedding_norm: Length at which item and category embeddings start.
        user_dim: Size of a user embedding; 0 leaves users out.
        context_dim: Size of the embeddings of the request's hour of day and day of week;
            0 leaves them out.
        feature_dim: Size of the embedding of each extra categorical feature.
        time_gap_dim: Size of the embedding of the time between an event and the request; 0 leaves
            it out.
        heads: Heads of the exact search unit.
        head_dim: Size of the space in which one head compares an event with the candidate.
        head_reads_items: Whether the head network reads the embeddings of items: the candidate's and,
            of events that were attended to, theirs. It soon knows training requests by heart with them.
            Without, items decide which events are found and attended to, and what is counted.
        cross_layers: Layers of the head network that multiply its inputs with each other (DCN V2), before
            the hidden ones; 0 leaves them out.
        cross_dim: Rank of their matrices.
        hidden: Widths of the hidden layers of the head network.
        dropout: Share of their units dropped in training.
        unknown_rate: Share of users replaced by the row of unknown users in training, so that this row is
            trained too, and the rest of the model does not rely on who the user is.
    """

    long_term: LongTermName = "eta"
    short_term: ShortTermName = "multi_head"
    dien_auxiliary_weight: float = 1.0
    short_length: int = 50
    long_length: int = 1000
    evidence_length: int = 4000
    statistics: bool = True
    searched_events: int = 16
    signature_bits: int = 64
    soft_search: SoftSearchConfig = dataclasses.field(default_factory=SoftSearchConfig)
    twin: TwinConfig = dataclasses.field(default_factory=TwinConfig)
    mimn: MimnConfig = dataclasses.field(default_factory=MimnConfig)
    search_vectors: str = ""
    unknown_items: UnknownItemsName = "shared"
    item_buckets: int = 16_384
    spare_share: float = 0.2
    item_dim: int = 16
    category_dim: int = 16
    embedding_norm: float = 0.5
    user_dim: int = 8
    context_dim: int = 4
    feature_dim: int = 8
    time_gap_dim: int = 16
    heads: int = 4
    head_dim: int = 16
    head_reads_items: bool = False
    cross_layers: int = 2
    cross_dim: int = 32
    hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.1
    unknown_rate: float = 0.5

    def __post_init__(self) -> None:
        _check_at_least(
            1,
            **{
                f"model.{name}": getattr(self, name)
                for name in (
                    "long_length",
                    "searched_events",
                    "signature_bits",
                    "item_buckets",
                    "item_dim",
                    "category_dim",
                    "feature_dim",
                    "heads",
                    "head_dim",
                    "cross_dim",
                )
            },
        )
        of_any_size = (
            "short_length",
            "evidence_length",
            "user_dim",
            "context_dim",
            "time_gap_dim",
            "cross_layers",
        )
        for name in (*of_any_size, "dien_auxiliary_weight", "spare_share"):
            _check_at_least(0, **{f"model.{name}": getattr(self, name)})
        _check_at_least(1, **{f"model.hidden[{i}]": width for i, width in enumerate(self.hidden)})
        _check_above_0(**{"model.embedding_norm": self.embedding_norm})
        for name in ("dropout", "unknown_rate"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"model.{name} is {getattr(self, name)}; it must be at least 0 and below 1"
                )
        _check_one_of(UnknownItemsName, **{"model.unknown_items": self.unknown_items})
        if self.search_vectors and self.long_term not in ("eta", "sim_soft"):
            raise ValueError(
                f"model.search_vectors is {self.search_vectors!r}, but model.long_term is "
                f"{self.long_term!r}: only eta and sim_soft search in vectors; leave it empty"
            )
        served_by = self.soft_search.served_by
        if self.search_vectors and self.long_term == "sim_soft" and served_by != "exact":
            raise ValueError(
                f"model.soft_search.served_by is {served_by!r}, but the vectors of "
                "model.search_vectors are searched as they are: leave it 'exact', or choose eta"
            )

    def check_vectors(self, item_features: Iterable[Feature]) -> None:
        """Raises a ValueError if `search_vectors` is not the name of a vector of items."""
        vectors = [feature.name for feature in item_features if feature.kind == "vector"]
        if self.search_vectors and self.search_vectors not in vectors:
            raise ValueError(
                f"model.search_vectors is {self.search_vectors!r}, which is no vector of items "
                f"({', '.join(vectors) or 'there are none'}); declare it in data.features, with "
                "`of: item`, `kind: vector` and its size"
            )

    @property
    def window(self) -> int:
        """S + L, the most recent events, which the model reads."""
        return self.short_length + self.long_length

    @property
    def max_events(self) -> int:
        """T, the most recent events that a request brings: those that are read or counted."""
        return max(self.window, self.evidence_length)

    @property
    def unknown_item_rows(self) -> int:
        """Rows of the item tables that stand for unknown items; they come first."""
        return self.item_buckets if self.unknown_items in ("hash_buckets", "category") else 1


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How the model is trained.

    Attributes:
        epochs: Passes over the training requests, at most.
        batch_size: Requests in a batch.
        optimizer: `lazy_adam` or `adagrad`, which leave rows of embedding tables alone that a batch
            does not read; `adam`, whose steps move every row, to compare with.
        learning_rate: Its step size.
        patience: Epochs without a better validation AUC after which training stops; the best
            epoch's weights are kept.
        pool_users: User records whose requests are shuffled together; bounds the reader's memory.
        seed: Seed of initial weights, shuffling and dropout.
        min_count: Items and categories seen less often in the training split are unknown ones.
        min_user_count: Users with fewer requests in the training split are unknown ones.
        refit: Whether, once validation has chosen the number of epochs, a new model is trained for as many
            on the requests of training and validation together, and kept. Known ids stay those of the
            training split.
        go_on: Whether the model that was pushed last is trained on, instead of a new one. The ids it
            knows keep their rows; those that have become frequent get rows of their own.
    """

    epochs: int = 20
    batch_size: int = 128
    optimizer: OptimizerName = "lazy_adam"
    learning_rate: float = 1.5e-3
    patience: int = 1
    pool_users: int = 256
    seed: int = 17
    min_count: int = 5
    min_user_count: int = 1
    refit: bool = False
    go_on: bool = False

    def __post_init__(self) -> None:
        names = ("epochs", "batch_size", "pool_users", "min_count", "min_user_count")
        _check_at_least(1, **{f"training.{name}": getattr(self, name) for name in names})
        _check_at_least(0, **{"training.patience": self.patience})
        _check_one_of(OptimizerName, **{"training.optimizer": self.optimizer})
        _check_above_0(**{"training.learning_rate": self.learning_rate})


@dataclasses.dataclass(frozen=True)
class ExportConfig(config_json.JsonConfig):
    """How the trained model is served; its training does not depend on it.

    Attributes:
        table_type: Type in which the embeddings of items, categories, users and extra features are
            stored: `float32` as trained, `bfloat16` (half the memory) or `int8` (a quarter, and one
            float32 scale a row). What a look-up reads becomes float32 again. The tables of a search
            are computed from the trained embeddings whatever the type.
        jit_compile: Whether XLA compiles the distance of signatures (`eta`, and `sim_soft` served
            by `alsh`), anew for every shape of request. TensorFlow Serving runs such a model only
            with `--xla_cpu_compilation_enabled`.
        negative_sampling_rate: w, the share of all negatives that the records hold, above 0 and at
            most 1. Every score is then the probability of a click among all impressions: log(w) is
            added to the logit, and the Evaluator counts each negative 1/w times in log loss and
            calibration. It holds where each negative was kept with the same probability, whatever
            its request and item. A fixed number of negatives per request is no such sampling,
            unless it is the same share w = kept / shown of the negatives of every request.
        explain: Whether the SavedModel has the signature `explain`, which tells what is behind a
            score; `lifelong explain` and `lifelong ui` call it.
    """

    json_name = "export"

    table_type: TableTypeName = "float32"
    jit_compile: bool = False
    negative_sampling_rate: float = 1.0
    explain: bool = True

    def __post_init__(self) -> None:
        _check_one_of(TableTypeName, **{"export.table_type": self.table_type})
        if not 0 < self.negative_sampling_rate <= 1:
            raise ValueError(
                f"export.negative_sampling_rate is {self.negative_sampling_rate}; expected the "
                "share of negatives that the records hold, above 0 and at most 1 (1: all of them)"
            )


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """All that is needed to build a model again: its configuration and what the data decided.

    Attributes:
        model: The architecture.
        features: Extra features that reach the model.
        vocabulary_sizes: Known ids and one for unknown ones, by vocabulary name (`item`, `category`,
            `user`, and the key of every categorical feature): how many rows Transform tells apart.
        spare_rows: Rows by vocabulary name that tables have beyond those, for ids of later trainings.
        data_contract: How the data's ids and categories are made; None where that is not known.
        vocabulary_digests: Digest of the ids of each vocabulary in their order, to tell whether another
            one continues it.
        item_features: Those that the model looks up in a table of its own; requests do not have them.
    """

    model: ModelConfig
    features: tuple[Feature, ...]
    vocabulary_sizes: dict[str, int]
    # Without a default: a specification that lacks it is of a version with other rows.
    spare_rows: dict[str, int]
    data_contract: DataContract | None = None
    vocabulary_digests: dict[str, str] = dataclasses.field(default_factory=dict)
    item_features: tuple[Feature, ...] = ()

    def __post_init__(self) -> None:
        self.model.check_vectors(self.item_features)

    def known(self, vocabulary: str) -> int:
        """Returns how many ids a vocabulary knows."""
        return self.vocabulary_sizes[vocabulary] - 1

    def used_rows(self, vocabulary: str) -> int:
        """Returns how many rows of a vocabulary's tables stand for something, the first ones."""
        more = self.model.unknown_item_rows - 1 if vocabulary == "item" else 0
        return self.vocabulary_sizes[vocabulary] + more

    def table_rows(self, vocabulary: str) -> int:
        """Returns how many rows a vocabulary's tables have, the spare ones included."""
        return self.used_rows(vocabulary) + self.spare_rows.get(vocabulary, 0)

    def to_json(self) -> str:
        """Returns the specification as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Reads what `to_json` wrote."""
        return config_json.decode(cls, json.loads(text), "model specification")


def _check_at_least(least: int, **values: float) -> None:
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} is {value}; it must be at least {least}")


def _check_above_0(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} is {value}; it must be a number above 0")


def _check_one_of(names: Any, **values: str) -> None:
    for name, value in values.items():
        if value not in get_args(names):
            raise ValueError(f"{name} is {value!r}; expected one of {', '.join(get_args(names))}")
