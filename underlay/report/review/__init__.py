"""The review of a preview: what it changes, in the network's own words, what it disrupts, and how to go back."""
