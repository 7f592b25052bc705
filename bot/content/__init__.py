"""What the persona bot says: personas, stories and texts."""
