"""Trains one candidate and measures it."""
