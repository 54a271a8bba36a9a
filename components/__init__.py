"""Pulumi component resources, one noun a file; what follows from the site is decided in `underlay.plan`."""
