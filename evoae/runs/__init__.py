"""The run folder: store, model files, lock, and the read side."""
