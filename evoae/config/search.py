"""The settings of the evolution, `search:`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from evoae.config.values import (
    CHOICE,
    AlgorithmName,
    Count,
    ObjectiveName,
    Positive,
    Section,
    Share,
    Text,
    Weight,
    as_pair,
)


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
    global_genes: Weight = Field(
        1.0, description="draw activation, down- or upsampling, head anew"
    )
    learning: Weight = Field(1.0, description="change one number of the train gene")

    @model_validator(mode="after")
    def _some_mutation(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("at least one mutation needs a weight above 0")
        return self


class BudgetConfig(Section):
    """What a search may spend; it ends at whichever comes first."""

    flops: Annotated[float, Field(gt=0, le=1e24)] | None = Field(
        None, description="FLOPs of all trainings: the same on any machine; null for no limit"
    )
    evaluations: Positive | None = Field(None, description="trainings; null for no limit")
    minutes: Annotated[float, Field(gt=0, le=1e7)] | None = Field(
        None, description="of wall time, resumed drivers' included; null for no limit"
    )

    def spent(self, *, trainings: int, flops: int | None, seconds: float) -> float:
        """Return how much of it is spent, 0..1, where it has gone furthest; 0 without a limit.

        Args:
            trainings: so far.
            flops: of all of them; None if unknown.
            seconds: of all drivers.
        """
        limits = (self.flops, self.evaluations, self.minutes and 60 * self.minutes)
        spent = zip((flops, trainings, seconds), limits, strict=True)
        shares = [part / whole for part, whole in spent if part is not None and whole]
        return min(1.0, max(shares, default=0.0))


class RacingConfig(Section):
    """Stopping trainings that fall behind, by their learning curves."""

    keep: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="share of all so far that a training must be among to go on; 1: off"
    )
    after: Count = Field(12, description="trainings to compare with before any is stopped")
    rungs: Annotated[tuple[Positive, ...], BeforeValidator(as_pair)] = Field(
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
    objectives: Annotated[tuple[ObjectiveName, ...], *CHOICE] = Field(
        ("loss", "latent", "parameters"), description="of nsga2 and the front: all minimised"
    )
    repeats: Count = Field(1, description="most trainings of one network; their mean counts")
    repeat_share: Share = Field(0.2, description="share of trainings for that, while in doubt")
    seed_genomes: Text | None = Field(
        None, description="tried first: textbook, zoo, or a file of genomes; null for none"
    )
    max_in_flight: Count = Field(
        8, description="aging: networks under way at once, and so most workers"
    )
    cxpb: Share = Field(0.6, description="probability that two parents cross")
    mutpb: Share = Field(0.3, description="probability that an offspring mutates")
    tournament: Count = Field(5, description="candidates in a tournament")
    elitism: Annotated[int, Field(ge=0, le=100_000)] = Field(
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
    reuse: Annotated[tuple[Text, ...], BeforeValidator(as_pair)] = Field(
        (), description="runs whose equal trainings are reused"
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
