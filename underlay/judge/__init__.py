"""All evidence becomes a verdict here: checks, causes with witnesses, and what stays unexplained; pure functions."""
