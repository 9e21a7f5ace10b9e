"""What no genome may be, however it comes about: by text, by operators or by a program."""

import pytest

from evoae.errors import GenomeError
from evoae.genome.genes import Conv, Dense, Linear, Residual, Train, UpConv, UpDense
from evoae.genome.genome import Block, Genome

CONV, DENSE = Block(Conv(4, 3, 3)), Block(Dense(5))
UPCONV, UPDENSE = Block(UpConv(4, 3, 3)), Block(UpDense(5))
LINEAR, TRAIN = Linear("pca"), Train(-3, 32, "adam")


@pytest.mark.parametrize(
    ("encoder", "decoder", "of_all", "said"),
    [
        ((), (), (), "no encoder layer"),
        ((CONV,), (), (), "1 encoder and 0 decoder layers"),
        ((CONV,), (UPDENSE,), (), "updense stands as the mirror of conv"),
        ((DENSE, CONV), (UPCONV, UPDENSE), (), "conv stands behind dense"),
        ((Block(Dense(5), (Residual(1),)),), (UPDENSE,), (), "res follows dense"),
        ((CONV,), (UPCONV,), (LINEAR, LINEAR), "repeated or out of order"),
        ((CONV,), (UPCONV,), (TRAIN, LINEAR), "repeated or out of order"),
    ],
)
def test_what_is_no_network_is_refused_in_a_sentence(encoder, decoder, of_all, said):
    with pytest.raises(GenomeError) as refused:
        Genome(encoder, None, decoder, of_all)
    assert said in str(refused.value)
