"""What a reader concludes from runs. It reads them and trains nothing."""
