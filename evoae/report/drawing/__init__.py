"""What the sections draw with."""
