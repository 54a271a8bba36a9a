"""What happens to traffic when values of the Cilium release change: streams, changes, and their report."""
