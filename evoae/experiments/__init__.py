"""What trains again after a search, or before one: refits, probes, forecasts, advice."""
