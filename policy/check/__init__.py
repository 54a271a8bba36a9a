"""The check for pull requests: the engine with the pack, no cluster, no secrets, and results for machines."""
