"""Small stand-ins for Pulumi's Python language host and its command provider, for a machine that has neither."""
