"""The scene of a search: everything that its configuration determines before any training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evoae.config.schema import Config, ModelConfig
from evoae.data.dataset import Dataset
from evoae.data.load import load
from evoae.evaluation import Task, seed_for
from evoae.genome.canonical import candidate_id
from evoae.genome.genome import Genome
from evoae.genome.space import Space
from evoae.models.plan import measure


def space_of(model: ModelConfig, input_shape: tuple[int, int, int]) -> Space:
    """Return the search space for images of this shape.

    Raises:
        SpaceError: it holds no network.
    """
    space = Space(model, input_shape, measure(input_shape, min_side=model.min_side))
    space.check()
    return space


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a search needs besides its run folder.

    Attributes:
        dataset: reduced as configured.
        source_images: training images before that.
    """

    config: Config
    dataset: Dataset
    source_images: int
    space: Space

    @classmethod
    def make(cls, config: Config) -> Scene:
        """Load the data and make the space; refuse what cannot work before anything is written.

        Raises:
            DataError: the data cannot be used.
            SpaceError: the space holds no network.
        """
        source = load(config.data, config.seed)
        dataset = source.reduced(config.data.reduce, config.seed)
        space = space_of(config.model, dataset.input_shape)
        return cls(config, dataset, len(source.train), space)

    @property
    def output(self) -> str:
        """Activation of the head."""
        chosen = self.config.model.output
        return self.dataset.output if chosen == "auto" else chosen

    def task(self, genome: Genome, shared: Path) -> Task:
        """Return the training of `genome` on the images in `shared`; it keeps no model."""
        config, id = self.config, candidate_id(genome)
        return Task(
            id=id,
            genome=genome,
            input_shape=self.dataset.input_shape,
            min_side=config.model.min_side,
            output=self.output,
            data=shared,
            objective=config.objective,
            training=config.training,
            seed=seed_for(config.seed, id),
            flops=self.space.measure(genome).flops,
            memory_limit=config.execution.memory_limit,
        )

    def facts(self) -> dict[str, object]:
        """Return what the run folder records of configuration and data, once."""
        return {
            "config": self.config.model_dump(mode="json"),
            "data": self.dataset.name,
            "data_digest": self.dataset.digest,
            "input_shape": list(self.dataset.input_shape),
            "output": self.output,
            "train_images": len(self.dataset.train),
            "validation_images": len(self.dataset.validation),
            "source_images": self.source_images,
            "table": None if self.dataset.table is None else self.dataset.table.to_json(),
        }
