"""The commands of `python3 -m underlay`, one a file; each has `main(argv) -> int`."""
