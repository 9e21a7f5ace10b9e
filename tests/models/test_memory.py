from __future__ import annotations

from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.memory import BASE_BYTES, training_bytes
from evoae.models.plan import Plan, plan

SMALL = plan(parse("conv(16,3x3) | latent(8) | upconv(16,3x3)"), NetworkDefaults((28, 28, 1)))


def above_base(layers: Plan, *, batch_size: int = 1, data_bytes: int = 0) -> int:
    return training_bytes(layers, batch_size=batch_size, data_bytes=data_bytes) - BASE_BYTES


def test_the_estimate_holds_activations_per_image_parameters_and_data() -> None:
    size = SMALL.size
    fixed = 16 * size.parameters
    assert above_base(SMALL, batch_size=100) == fixed + round(142 * size.activation_bytes)
    assert above_base(SMALL, data_bytes=1000) - above_base(SMALL) == 4000


def test_residual_blocks_take_the_memory_of_their_three_maps() -> None:
    blocky = plan(
        parse("conv(16,3x3) res(2) | latent(8) | upconv(16,3x3)"), NetworkDefaults((28, 28, 1))
    )
    maps = 2 * 3 * 4 * 14 * 14 * 16
    assert blocky.size.activation_bytes == SMALL.size.activation_bytes + maps
    assert above_base(blocky) > above_base(SMALL) + maps


def test_a_wider_network_is_estimated_to_take_more() -> None:
    wider = plan(parse("conv(32,3x3) | latent(8) | upconv(32,3x3)"), NetworkDefaults((28, 28, 1)))
    assert above_base(wider) > 1.5 * above_base(SMALL)
