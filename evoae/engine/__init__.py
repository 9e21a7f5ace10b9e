"""The search, from a configuration to a finished run."""
