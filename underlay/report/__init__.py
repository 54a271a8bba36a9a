"""The verdict for people and machines: a table for the terminal, Markdown and JSON; nothing is judged here."""
