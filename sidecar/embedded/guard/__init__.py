"""What of a client's statement may run: decided on the tree of the engine's own parser, by lists of what is allowed."""
