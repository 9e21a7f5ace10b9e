"""What one does with a trained model: codes, rebuilt items, new items, scores."""
