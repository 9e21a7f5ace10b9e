"""One candidate, one result."""
