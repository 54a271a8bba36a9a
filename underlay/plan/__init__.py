"""What follows from the site: pure functions, no I/O, no Pulumi."""
