"""The fault table as data, and the campaign that injects each fault into the running site and scores the verdicts."""
