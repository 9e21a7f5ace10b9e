"""Evolve the autoencoder architecture that rebuilds your data best."""
