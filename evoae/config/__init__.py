"""The frozen schema and how it is loaded."""
