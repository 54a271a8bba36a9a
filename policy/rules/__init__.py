"""The rules, one concern a file; each file ends with its list of policies."""
