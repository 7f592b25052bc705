"""From an accepted batch to the acknowledgement: required and optional plugins."""
