"""What a configuration determines before any training: data, space, and each training's task."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from evoae.config.schema import Config
from evoae.data.dataset import Dataset
from evoae.data.load import load
from evoae.data.pca import LARGEST
from evoae.data.progress import Say, silent
from evoae.data.shared_memmap import share_components
from evoae.errors import ConfigError
from evoae.evaluation import Task, TrainingKey, seed_for, trained_as
from evoae.execution.machine import cpu_flags
from evoae.genome.canonical import candidate_id
from evoae.genome.genes import Linear
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.space import Space
from evoae.models.plan import measure
from evoae.runs.environment import environment
from evoae.runs.metadata import RunMetadata, TrainingEnvironment

_COMPONENTS = 64  # of PCA that are computed at least


def space_of(config: Config, defaults: NetworkDefaults) -> Space:
    """Return the search space of networks with these defaults.

    Raises:
        SpaceError: it holds no network.
    """
    space = Space(config.model, defaults.input_shape, measure(defaults))
    space.check()
    return space


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything a search needs besides its run folder.

    Attributes:
        dataset: reduced as configured.
        source_images: training images before that.
        defaults: what the networks share.
        components: where those of linear paths lie, as far as they were wanted.
    """

    config: Config
    dataset: Dataset
    source_images: int
    defaults: NetworkDefaults
    space: Space
    components: dict[tuple[Path, int], Path] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def make(cls, config: Config, say: Say = silent) -> Problem:
        """Load the data and make the space; refuse what cannot work before anything is written.

        Args:
            config: of the search.
            say: hears what happens to the data, see `evoae.data.load.load`.

        Raises:
            DataError: the data cannot be used.
            SpaceError: the space holds no network.
        """
        return cls.of(config, load(config.data, config.seed, say))

    @classmethod
    def of(cls, config: Config, source: Dataset) -> Problem:
        """Make the space for data that are loaded, `source`, before they are reduced.

        Raises:
            DataError: they cannot be reduced as configured.
            SpaceError: the space holds no network.
        """
        dataset = source.reduced(config.data.reduce, config.seed)
        defaults = NetworkDefaults.of(
            config.model, config.objective, dataset.input_shape, dataset.kind.output
        )
        if config.objective.loss == "bce" and defaults.output != "sigmoid":
            raise ConfigError(
                "objective.loss",
                "bce, but the output is linear",
                "it needs values in 0..1: use mse",
            )
        if "pca" in config.model.linear and (reason := why_no_linear_path(config, dataset)):
            raise ConfigError("model.linear", f"pca, {reason}", "use none")
        for name in sorted({"shift", "flip"} - dataset.kind.augmentations):
            for section in ("training", "refit"):
                if value := getattr(getattr(config, section), name):
                    remedy = f"{dataset.kind.described} have no left nor right: use 0"
                    raise ConfigError(f"{section}.{name}", value, remedy)
        return cls(config, dataset, len(source.train), defaults, space_of(config, defaults))

    def task(self, genome: Genome, shared: Path) -> Task:
        """Return the training of `genome` on the images in `shared`; it keeps no model."""
        config, id = self.config, candidate_id(genome)
        return Task(
            key=TrainingKey(id),
            genome=genome,
            defaults=self.defaults,
            data=shared,
            objective=config.objective,
            training=trained_as(config.training, genome),
            seed=seed_for(config.seed, id),
            noise_seed=config.seed % 2**31,
            flops=self.space.measure(genome).flops,
            images=len(self.dataset.train),
            kind=self.dataset.kind.name,
            memory_limit=config.execution.memory_limit,
            components=self._components(genome, shared),
        )

    def _components(self, genome: Genome, shared: Path) -> Path | None:
        """Return where the components lie that the linear path of `genome` starts from."""
        if Linear("pca") not in genome.global_genes or genome.latent is None:
            return None
        # From the genome alone, since a run may reuse another's training; and few different sizes.
        size = max(_COMPONENTS, 2 ** (genome.latent.units - 1).bit_length())
        if (shared, size) not in self.components:
            self.components[shared, size] = share_components(self.dataset, shared, size)
        return self.components[shared, size]

    def metadata(self) -> RunMetadata:
        """Return what a run of this problem knows of itself when it begins."""
        return RunMetadata(
            config=self.config.model_dump(mode="json"),
            data=self.dataset.name,
            data_digest=self.dataset.digest,
            input_shape=self.dataset.input_shape,
            output=self.defaults.output,
            train_images=len(self.dataset.train),
            validation_images=len(self.dataset.validation),
            source_images=self.source_images,
            environment=surroundings(),
            kind=self.dataset.kind.to_json(),
        )


def why_no_linear_path(config: Config, dataset: Dataset) -> str | None:
    """Return why no network can have a linear path from PCA; None if it can."""
    objective, size = config.objective, dataset.train[0].size
    reasons = (
        (
            config.model.latent != "vector",
            "but the code is a feature map: set model.latent=vector",
        ),
        (
            objective.code_posterior is not None or objective.code_activation != "linear",
            f"but {objective.kind} needs a code of its own",
        ),
        (objective.loss == "bce", "but bce needs a sigmoid: set objective.loss=mse"),
        (size > LARGEST, f"but items of {size:,} numbers are too large for PCA ({LARGEST:,})"),
    )
    return next((words for holds, words in reasons if holds), None)


def surroundings() -> TrainingEnvironment:
    """Return what the last digits of a result may depend on: software, processor, threads."""
    return TrainingEnvironment(**asdict(environment()), cpu_flags=cpu_flags())
