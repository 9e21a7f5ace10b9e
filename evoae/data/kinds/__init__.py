"""What makes images and rows differ."""
