"""Named sets and files become a Dataset."""
