"""Run folders: made, locked, written and read."""
