"""Algorithms as ask and tell over pure state."""
