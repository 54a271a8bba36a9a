"""The chart on this machine: where it comes from, its digest, its keys, and how Helm renders it."""
