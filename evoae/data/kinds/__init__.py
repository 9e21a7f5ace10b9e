"""What makes kinds of data differ: `base` says what a kind is, `registry` lists those there are.

`images` and `tables` are one each; `columns` and `cells` are parts of tables.
"""
