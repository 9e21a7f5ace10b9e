"""Search algorithms: asked for candidates, told their scores, with an immutable state."""
