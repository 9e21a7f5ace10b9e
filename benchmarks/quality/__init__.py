"""The parts of `benchmarks.search_quality`: who searches, on what, and what it is charged for."""
