"""The configuration: every setting, its type, its range and its default, in one frozen model.

A setting's `description` is what `evoae init` writes beside it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE = r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*(B|[KMG]i?B)\s*"


def parse_bytes(value: Any) -> Any:
    """Turn `4GiB` into a number of bytes; leave anything but text to the ordinary validation."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(_SIZE, value)
    if match is None:
        raise ValueError("expected a size such as 4GiB or 512MiB")
    return int(float(match[1]) * _UNITS[match[2]])


def render_bytes(value: int) -> int | str:
    """Turn bytes into the largest binary unit that divides them."""
    for unit in ("GiB", "MiB", "KiB"):
        if value % _UNITS[unit] == 0:
            return f"{value // _UNITS[unit]}{unit}"
    return value


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _choice(value: Any) -> Any:
    """Let one word stand for a list of it alone."""
    return (value,) if isinstance(value, str) else _pair(value)


def _different(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(words)) < len(words):
        raise ValueError("expected each word once")
    return words


def _word_or_list(words: tuple[str, ...]) -> str | list[str]:
    return words[0] if len(words) == 1 else list(words)


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("expected [low, high] with low <= high")
    return pair


OptimizerName = Literal["adam", "adamw", "sgd", "muon"]
ActivationName = Literal["relu", "leaky_relu", "selu", "elu", "gelu", "tanh"]
DownsamplingName = Literal["max", "average", "stride"]
UpsamplingName = Literal["upsample", "transposed"]
HeadName = Literal["conv", "mirror"]
Precision = Literal["float32", "bfloat16"]
AlgorithmName = Literal["generational", "mu_plus_lambda", "aging", "nsga2", "random"]
ObjectiveName = Literal["loss", "latent", "parameters"]
BaselineName = Literal["pca", "handmade", "plain", "random"]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=1, le=100_000)]  # of what is made or looped over
Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]*$")]
Shift = Annotated[int, Field(ge=0, le=64)]  # pixels
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
SplitSize = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)]
Bytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    PlainSerializer(render_bytes),
    Field(gt=0),
    WithJsonSchema(
        {
            "type": ["integer", "string"],
            "exclusiveMinimum": 0,
            "pattern": f"^{_SIZE}$",
            "format": "bytes",
        }
    ),
]
FilterRange = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65_536)], Annotated[int, Field(ge=1, le=65_536)]],
    BeforeValidator(_pair),
    AfterValidator(_ordered),
]
KernelRange = Annotated[
    tuple[Annotated[int, Field(ge=1, le=63)], Annotated[int, Field(ge=1, le=63)]],
    BeforeValidator(_pair),
    AfterValidator(_ordered),
]


def _or_word(schema: dict[str, Any]) -> None:
    """Let the JSON schema of a list take one of its words instead."""
    listed = {
        key: schema.pop(key) for key in tuple(schema) if key in ("type", "items", "minItems")
    }
    schema["anyOf"] = [listed["items"], listed]


_CHOICES = (
    Field(json_schema_extra=_or_word),
    BeforeValidator(_choice),
    AfterValidator(_different),
    PlainSerializer(_word_or_list),
)
_CHOICE = (Field(min_length=1), *_CHOICES)
BlockRange = Annotated[
    tuple[Annotated[int, Field(ge=1, le=8)], Annotated[int, Field(ge=1, le=8)]],
    BeforeValidator(_pair),
    AfterValidator(_ordered),
]
UnitRange = FilterRange
BatchRange = FilterRange
LearningRates = Annotated[
    tuple[Annotated[float, Field(ge=1e-7, le=10)], Annotated[float, Field(ge=1e-7, le=10)]],
    BeforeValidator(_pair),
    AfterValidator(_ordered),
]
RateRange = Annotated[
    tuple[Annotated[float, Field(ge=0, le=0.5)], Annotated[float, Field(ge=0, le=0.5)]],
    BeforeValidator(_pair),
    AfterValidator(_ordered),
]


PictureSize = Annotated[
    tuple[Annotated[int, Field(ge=1, le=4096)], ...],
    BeforeValidator(_pair),
    Field(min_length=2, max_length=2),
]
Columns = Annotated[tuple[Text, ...], BeforeValidator(_pair)]  # by name


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ReduceConfig(Section):
    """The seeded subset that the search trains and validates on."""

    train: Positive | None = Field(None, description="images to train on; null for all")
    validation: Positive | None = Field(None, description="images to validate on; null for all")


class DataConfig(Section):
    """What to rebuild: a named set, a file, or a folder."""

    # `auto` is what a named set says of itself; for other data it stands for the first choice.

    name: Text | None = Field(None, description="a named set; `evoae data list` lists them")
    path: Text | None = Field(
        None, description="a .npy, .npz, idx or .csv file, or a folder of pictures"
    )
    labels: Text | None = Field(
        None, description="a .npy or text file with one label for each image; null for none"
    )
    size: Annotated[int, Field(ge=1, le=4096)] | PictureSize | None = Field(
        None, description="pictures: a side, or [height, width]; null if all have one"
    )
    channels: Literal["auto", 1, 3] = Field(
        "auto", description="pictures: grey or colour; auto: grey if all are"
    )
    corrupt: Literal["refuse", "skip"] = Field(
        "refuse", description="pictures that cannot be read"
    )
    header: Literal["auto"] | bool = Field(
        "auto", description="tables: a first line of names; auto: if it has no number"
    )
    label_column: Text | None = Field(
        "auto", description="tables: holds the labels; auto: as the named set says; null: none"
    )
    categorical: Columns | Literal["auto"] = Field(
        "auto", description="tables: columns of categories, besides those of text"
    )
    ignore: Columns = Field((), description="tables: columns to leave out")
    missing: Literal["auto", "refuse", "drop", "impute"] = Field(
        "auto", description="rows lacking values; auto refuses"
    )
    missing_values: Columns = Field(
        ("?", "NA", "NaN", "nan"),
        description="tables: cells that mean none, as empty ones do",
    )
    validation: SplitSize = Field(
        0.1, description="training images to validate on: a share or a number"
    )
    test: SplitSize = Field(0.1, description="images to test on, if the data bring none: likewise")
    reduce: ReduceConfig = Field(ReduceConfig(), description="subset used by the search")

    @model_validator(mode="after")
    def _named_or_filed(self) -> Self:
        if self.name is None and self.path is None:
            raise ValueError("give a name (such as fashion_mnist) or a path")
        return self


class SamplingConfig(Section):
    """Probabilities with which a random genome is drawn."""

    deeper: Share = Field(0.5, description="probability of each further encoder layer")
    batchnorm: Share = Field(0.5, description="probability of bn after a layer")
    dropout: Share = Field(0.5, description="probability of drop after a layer")
    residual: Share = Field(0.0, description="probability of res after a convolution; 0: never")


class LearningConfig(Section):
    """Learning genes: how to train as part of the genome."""

    evolve: bool = Field(False, description="true for a train gene, which outranks `training`")
    learning_rates: LearningRates = Field((0.0003, 0.01), description="smallest and largest")
    batch_sizes: BatchRange = Field((16, 128), description="smallest and largest")
    optimizers: Annotated[tuple[OptimizerName, ...], *_CHOICE] = Field(
        ("adam", "adamw"), description="one, or a list to choose from"
    )


class ModelConfig(Section):
    """The search space: which networks a genome may describe."""

    latent: Literal["vector", "spatial"] = Field(
        "vector", description="bottleneck: a vector, or the last feature map"
    )
    min_latent: Positive = Field(
        2, description="smallest latent vector; equal to max_latent to fix it"
    )
    max_latent: Positive | None = Field(32, description="largest latent size; null for no limit")
    layers: Literal["auto", "conv", "dense", "both"] = Field(
        "auto", description="auto fits images or tables"
    )
    max_depth: Annotated[int, Field(ge=1, le=100)] = Field(4, description="most encoder layers")
    max_parameters: Positive | None = Field(2_000_000, description="null for no limit")
    max_flops: Positive | None = Field(
        None, description="most FLOPs of one image's forward pass; null for no limit"
    )
    max_activation_bytes: Bytes | None = Field(
        None, description="most bytes of one image's activations; null for no limit"
    )
    min_side: Positive = Field(7, description="pool while the smaller side is larger than this")
    filters: FilterRange = Field((16, 128), description="fewest and most filters of a layer")
    filter_step: Count = Field(
        1,
        description="filters are multiples of it: bfloat16 is fast at those of 16",
    )
    kernels: KernelRange = Field((3, 5), description="smallest and largest kernel side")
    units: UnitRange = Field((8, 256), description="fewest and most units of a dense layer")
    rates: RateRange = Field((0.0, 0.5), description="smallest and largest dropout rate")
    residual: BlockRange = Field((1, 2), description="fewest and most blocks of a res")
    activation: Annotated[tuple[ActivationName, ...], *_CHOICE] = Field(
        ("relu",), description="or leaky_relu, selu, elu, gelu, tanh; a list makes it a gene"
    )
    downsampling: Annotated[tuple[DownsamplingName, ...], *_CHOICE] = Field(
        ("max",), description="pooling; or average, stride; a list makes it a gene"
    )
    upsampling: Annotated[tuple[UpsamplingName, ...], *_CHOICE] = Field(
        ("upsample",), description="then convolve; or transposed; a list makes it a gene"
    )
    head: Annotated[tuple[HeadName, ...], *_CHOICE] = Field(
        ("conv",),
        description="a conv of its own or mirror: the last upconv; a list makes it a gene",
    )
    output: Literal["auto", "sigmoid", "linear"] = Field(
        "auto", description="of the head; auto fits the range of data"
    )
    sampling: SamplingConfig = Field(SamplingConfig(), description="how random genomes are drawn")
    learning: LearningConfig = Field(LearningConfig(), description="learning genes")

    @model_validator(mode="after")
    def _filters_have_a_multiple(self) -> Self:
        low, high = self.filters
        if high // self.filter_step * self.filter_step < low:
            raise ValueError(
                f"filters: {low} to {high} hold no multiple of filter_step {self.filter_step}"
            )
        return self

    @model_validator(mode="after")
    def _latent_range(self) -> Self:
        if self.latent == "vector":
            if self.max_latent is None:
                raise ValueError("max_latent: a latent vector needs a largest size")
            if self.min_latent > self.max_latent:
                raise ValueError(
                    f"min_latent: {self.min_latent} exceeds max_latent, {self.max_latent}"
                )
        return self


# Which kinds of objective use a setting that not all of them use.
_USERS = {
    "corruption": ("denoising", "sparse", "variational"),
    "sparsity": ("sparse",),
    "target": ("sparse",),
    "weight": ("sparse",),
    "contraction": ("contractive",),
    "beta": ("variational",),
    "anneal_epochs": ("variational",),
    "posterior": ("variational",),
}


class ObjectiveConfig(Section):
    """What a network is trained for; its validation figure is the fitness."""

    kind: Literal["reconstruction", "denoising", "sparse", "contractive", "variational"] = Field(
        "reconstruction", description="aim"
    )
    loss: Literal["mse", "mae", "bce"] = Field(
        "mse", description="a mean per input number; variational: a sum"
    )
    corruption: Literal["none", "gaussian", "masking", "salt_pepper"] = Field(
        "none", description="of inputs"
    )
    level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.3, description="of corruption: deviation of gaussian, share of inputs of others"
    )
    corrupt: Literal["layer", "data"] = Field(
        "layer", description="afresh each step, or each image once for all"
    )
    sparsity: Literal["kl", "l1"] = Field("kl", description="sparse: penalty on the code")
    target: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="sparse with kl: mean activation wanted of a code unit"
    )
    weight: Weight = Field(
        0.001, description="sparse: of the penalty, a sum over code units; less for l1"
    )
    contraction: Weight = Field(
        0.0001, description="contractive: weight of the Jacobian's squared norm"
    )
    beta: Weight = Field(1.0, description="variational: weight of the KL")
    anneal_epochs: Weight = Field(
        0.0, description="variational: epochs in which beta rises from 0"
    )
    posterior: Literal["diagonal", "full"] = Field(
        "diagonal", description="variational: covariance of the code"
    )

    @model_validator(mode="before")
    @classmethod
    def _denoising_corrupts(cls, raw: Any) -> Any:
        """Let denoising have gaussian noise where no other is chosen."""
        if not isinstance(raw, dict) or raw.get("kind") != "denoising":
            return raw
        return (
            raw if raw.get("corruption", "none") != "none" else {**raw, "corruption": "gaussian"}
        )

    @model_validator(mode="after")
    def _all_used(self) -> Self:
        for name in self._changed():
            if self.kind not in _USERS.get(name, (self.kind,)):
                *others, last = _USERS[name]
                kinds = (
                    f"kinds {', '.join(others)} and {last} use" if others else f"kind {last} uses"
                )
                raise ValueError(f"{name}: only {kinds} it")
            if name in ("level", "corrupt") and self.corruption == "none":
                raise ValueError(f"{name}: corruption is none, so that nothing uses it")
            if name == "target" and self.sparsity != "kl":
                raise ValueError("target: only sparsity kl uses it")
        return self

    def _changed(self) -> list[str]:
        fields = type(self).model_fields.items()
        return [name for name, field in fields if getattr(self, name) != field.default]


class MutationConfig(Section):
    """Relative weights of the mutations; 0 switches one off."""

    filters: Weight = Field(3.0, description="scale one layer's filters by 10 to 50 per cent")
    kernels: Weight = Field(1.0, description="draw one layer's kernel anew")
    units: Weight = Field(3.0, description="scale one dense layer's units by 10 to 50 per cent")
    rates: Weight = Field(1.0, description="shift one dropout rate")
    latent: Weight = Field(1.0, description="scale the latent vector")
    blocks: Weight = Field(1.0, description="add or take one residual block of a res")
    modifiers: Weight = Field(1.0, description="insert or remove a bn, drop or res")
    insert_pair: Weight = Field(1.0, description="insert a mirrored pair of layers")
    remove_pair: Weight = Field(1.0, description="remove a mirrored pair of layers")
    traits: Weight = Field(1.0, description="draw activation, down- or upsampling, head anew")
    learning: Weight = Field(1.0, description="change one number of the train gene")

    @model_validator(mode="after")
    def _some_mutation(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("at least one mutation needs a weight above 0")
        return self


class BudgetConfig(Section):
    """What a search may spend; it ends at whichever comes first."""

    flops: Annotated[float, Field(gt=0)] | None = Field(
        None, description="FLOPs of all trainings: the same on any machine; null for no limit"
    )
    evaluations: Positive | None = Field(None, description="trainings; null for no limit")
    minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="of wall time, resumed drivers' included; null for no limit"
    )


class RacingConfig(Section):
    """Stopping trainings that fall behind, by their learning curves."""

    keep: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="share of all so far that a training must be among to go on; 1: off"
    )
    after: Count = Field(12, description="trainings to compare with before any is stopped")
    rungs: Annotated[tuple[Positive, ...], BeforeValidator(_pair)] = Field(
        (), description="epochs after which they are compared; []: after each"
    )

    def compared(self, epochs: int) -> tuple[int, ...]:
        """Return the epochs after which a training of `epochs` may be stopped, in order."""
        rungs = sorted(set(self.rungs)) or range(1, epochs)
        return () if self.keep == 1 else tuple(rung for rung in rungs if rung < epochs)


class SearchConfig(Section):
    """The evolution."""

    algorithm: AlgorithmName = Field("generational", description="how to search")
    population: Annotated[int, Field(ge=2, le=100_000)] = Field(
        12, description="networks in a generation"
    )
    generations: Count | None = Field(
        5, description="the random first one included; null: until the budget ends"
    )
    budget: BudgetConfig = Field(BudgetConfig(), description="what it may spend")
    objectives: Annotated[tuple[ObjectiveName, ...], *_CHOICE] = Field(
        ("loss", "latent", "parameters"), description="of nsga2 and the front: all minimised"
    )
    measures: Count = Field(1, description="most trainings of one network; their mean counts")
    remeasure: Share = Field(0.2, description="share of trainings for that, while in doubt")
    seed_genomes: Text | None = Field(
        None, description="tried first: zoo, or a file of genomes, a line each; null for none"
    )
    lag: Count = Field(8, description="aging: networks under way at once, and so most workers")
    cxpb: Share = Field(0.6, description="probability that two parents cross")
    mutpb: Share = Field(0.3, description="probability that an offspring mutates")
    tournament: Count = Field(5, description="candidates in a tournament")
    elitism: Annotated[int, Field(ge=0)] = Field(
        1, description="best networks that pass to the next generation unchanged"
    )
    block_crossover: Share = Field(
        0.5,
        description="share of crossovers that swap mirrored blocks; others swap genes",
    )
    mutation: MutationConfig = Field(MutationConfig(), description="weights of the mutations")
    surrogate: Annotated[int, Field(ge=1, le=1000)] = Field(
        8, description="bred for each one trained, by a model of all so far; 1: no model"
    )
    racing: RacingConfig = Field(RacingConfig(), description="stopping trainings that fall behind")
    hof_size: Count = Field(10, description="models kept in the hall of fame")
    max_failure_share: Share = Field(
        0.8, description="stop when more than this share of all trainings failed"
    )
    reuse: Annotated[tuple[Text, ...], BeforeValidator(_pair)] = Field(
        (), description="runs whose equal trainings are taken over"
    )

    @model_validator(mode="after")
    def _it_ends(self) -> Self:
        if self.generations is None and not any(self.budget.model_dump().values()):
            raise ValueError("generations: null needs a budget, or the search would never end")
        return self

    @model_validator(mode="after")
    def _racing_by_loss(self) -> Self:
        if self.racing.keep < 1 and self.algorithm == "nsga2":
            raise ValueError(
                "racing.keep: nsga2 wants small networks as well, whose loss is higher: use 1"
            )
        return self

    @model_validator(mode="after")
    def _elite_leaves_room(self) -> Self:
        if self.elitism >= self.population:
            raise ValueError(
                f"elitism: {self.elitism} leaves no room in a population of {self.population}"
            )
        return self


class TrainingConfig(Section):
    """How one candidate is trained."""

    epochs: Count = Field(3, description="passes over the (reduced) training images")
    batch_size: Positive = Field(
        128, description="images per optimiser step; short trainings need small batches"
    )
    optimizer: OptimizerName = Field("adam", description="sgd has momentum .9")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        0.001, description="of the optimiser, the highest one of a schedule"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.004, description="of adamw, muon: share of each weight taken off, times the rate"
    )
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="of the learning rate; cosine falls to 0"
    )
    warmup: Share = Field(0.05, description="share of the steps in which cosine rises first")
    shift: Shift = Field(0, description="most pixels that images are moved by at random")
    flip: Share = Field(0.0, description="probability that an image is mirrored left to right")
    vary_until: Share = Field(1.0, description="share of the epochs with shift and flip")
    patience: Positive | None = Field(
        None, description="stop after so many epochs without gain; null for never"
    )
    fitness: Literal["last", "best"] = Field("last", description="validation loss of which epoch")
    batchnorm_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9, description="Keras' .99 keeps start values through a short training"
    )
    precision: Precision = Field("float32", description="of the computation")
    loop: Literal["compiled", "fit"] = Field(
        "compiled", description="one function per epoch, or plain Keras"
    )
    time_limit: Annotated[float, Field(gt=0)] | None = Field(
        300.0, description="seconds one candidate may take; null for no limit"
    )


class RefitConfig(Section):
    """How a winner is trained after the search, on all training data."""

    epochs: Count = Field(30, description="most passes over all training data")
    optimizer: OptimizerName = Field("muon", description="a network's train gene outranks it")
    learning_rate: Annotated[float, Field(gt=0)] = Field(0.004, description="the highest one")
    batch_size: Positive = Field(64, description="inputs per optimiser step")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.1, description="of adamw and muon")
    schedule: Literal["constant", "cosine"] = Field("cosine", description="of the learning rate")
    warmup: Share = Field(0.05, description="share of the steps in which cosine rises first")
    shift: Shift = Field(0, description="most pixels that images are moved by at random")
    flip: Share = Field(0.0, description="probability that an image is mirrored left to right")
    vary_until: Share = Field(1.0, description="share of the epochs with shift and flip")
    patience: Positive | None = Field(
        None, description="stop after so many epochs without gain; null: cosine needs its end"
    )
    precision: Precision = Field("float32", description="of the computation")
    seeds: Count = Field(1, description="trainings from other start weights, for the noise")

    @property
    def training(self) -> TrainingConfig:
        """The same as settings of one training: the best epoch counts, no time limit."""
        own = self.model_dump(exclude={"seeds"})
        return TrainingConfig(**own, fitness="best", time_limit=None)


class ReportConfig(Section):
    """What the result is compared with at the end, by validation loss."""

    baselines: Annotated[tuple[BaselineName, ...], *_CHOICES] = Field(
        ("pca",), description="or handmade, plain, random (doubles the cost); a list; [] for none"
    )


class ExecutionConfig(Section):
    """Where trainings run. Nothing here changes a result."""

    kind: Literal["local", "inline"] = Field(
        "local", description="worker processes, or this one without limits"
    )
    workers: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        "auto", description="processes of one thread each; auto is one per GPU, or else per core"
    )
    memory_limit: Bytes | None = Field(
        4 * 2**30, description="memory one worker may take; null for no limit"
    )
    recycle_after: Positive | None = Field(
        50, description="candidates after which a worker is replaced; null for never"
    )


class Config(Section):
    """A whole configuration, as read from a file or made in Python."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(7, description="of every random choice")
    data: DataConfig
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    search: SearchConfig = SearchConfig()
    training: TrainingConfig = TrainingConfig()
    refit: RefitConfig = RefitConfig()
    report: ReportConfig = ReportConfig()
    execution: ExecutionConfig = ExecutionConfig()

    @model_validator(mode="after")
    def _racing_has_rungs(self) -> Self:
        racing, epochs = self.search.racing, self.training.epochs
        if racing.keep < 1 and not racing.compared(epochs):
            raise ValueError(
                f"search.racing.rungs: none lies before the end of a training of {epochs} epochs"
            )
        return self

    @model_validator(mode="after")
    def _posterior_of_a_vector(self) -> Self:
        if self.objective.kind == "variational" and self.model.latent != "vector":
            raise ValueError("model.latent: kind variational needs a vector")
        return self
