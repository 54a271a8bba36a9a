"""The agent as the oracle: what its own start refuses must not pass our preview."""
