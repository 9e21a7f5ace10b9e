"""The winner's drawing: stages side by side with their mirrors."""

import pytest

from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.plan import plan
from evoae.report.sections.network import network, stages


def drawn(text, shape=(28, 28, 1), **defaults):
    return network(plan(parse(text), NetworkDefaults(shape, **defaults)))


def names(rows):
    return [tuple(None if stage is None else stage.name for stage in row) for row in rows]


def test_maps_of_one_size_stand_beside_each_other():
    found = drawn("conv(32,3x3) conv(16,5x3) | latent(8) | upconv(16,3x3) upconv(32,3x3)")
    assert names(found.rows) == [
        (None, "head 1, 3×3"),
        ("input", "upconv 32, 3×3"),
        ("conv 32, 3×3", "upconv 16, 3×3"),
        ("conv 16, 5×3", "dense"),
    ]
    shapes = [(left.shape, right.shape) for left, right in found.rows[1:]]
    assert shapes == [
        ("28×28×1", "28×28×32"),
        ("14×14×32", "14×14×16"),
        ("7×7×16", "7×7×16"),
    ]
    assert (found.code.name, found.code.shape) == ("code", "8")
    assert all(s.breadth == t.breadth for s, t in found.rows[1:])
    assert found.rows[2][0].thickness > found.rows[3][0].thickness


def test_residual_blocks_belong_to_the_convolution_that_they_help():
    text = "head(mirror) up(transposed) conv(8,3x3) res(1) | latent(2) | upconv(8,4x4) res(2)"
    found = drawn(text)
    assert names(found.rows) == [("input", "head 1, 4×4"), ("conv 8, 3×3", "dense")]
    assert "2 residual blocks" in found.rows[0][1].details
    assert "1 residual block ·" in found.rows[1][0].details


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("dense(8) dense(4) | latent(2) | updense(4) updense(8) bn", (13,)),
        ("conv(8,3x3) conv(4,3x3) | upconv(4,3x3) upconv(8,3x3)", (9, 7, 3)),
        ("conv(8,3x3) drop(0.25) dense(6) | latent(2) | updense(6) upconv(8,3x3)", (8, 8, 1)),
        ("latent(2)", (5,)),
    ],
)
def test_every_layer_of_every_kind_of_network_is_in_one_stage(text, shape):
    whole = plan(parse(text), NetworkDefaults(shape))
    for part in (whole.encoder, whole.decoder):
        assert [layer for stage in stages(part) for layer in stage] == list(part)
    found = network(whole)
    told = [stage for row in found.rows for stage in row if stage] + [found.code]
    weights = [
        int(s.details.split(" · ")[-1].split()[0].replace(",", "")) for s in told if s.details
    ]
    assert sum(weights) == whole.size.parameters
    assert all(0 <= stage.breadth <= 1 and 0 <= stage.thickness <= 1 for stage in told)
