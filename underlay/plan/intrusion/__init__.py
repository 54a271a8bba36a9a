"""Intrusion detection: what an engine sees at a capture point, its rules, its configuration, and its objects."""
