"""Kinds of data: `registry` lists those there are; `evoae.data.dataset` says what a kind is.

`images` and `tables` are one each; `columns` and `cells` are parts of tables.
"""
