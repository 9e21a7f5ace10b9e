"""Genes, their text and token forms, sampling and variation."""
