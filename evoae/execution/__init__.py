"""Runs trainings, in this process or in worker processes."""
