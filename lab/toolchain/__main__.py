"""`python3 -m lab.toolchain`: make what is missing, list the parts, or name the Python that has our packages."""

from __future__ import annotations

import argparse
import json
import sys

from lab import paths
from lab.toolchain import StepError, ensure
from lab.toolchain.catalogue import parts
from lab.toolchain.part import read_stamp, stamp_file
from lab.toolchain.plan import keys_of, state_of


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m lab.toolchain", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="PART", help="make these parts and what they need")
    parser.add_argument("--again", nargs="+", default=[], metavar="PART", help="make these parts anew")
    parser.add_argument("--list", action="store_true", help="show every part and whether it is there; make nothing")
    parser.add_argument("--json", action="store_true", help="with --list: print JSON")
    parser.add_argument("--venv", action="store_true", help="make the Python environment and print its interpreter")
    return parser.parse_args(argv)


def forget(names: list[str]) -> None:
    """Drop the stamps of parts, so that they are made anew."""
    for name in names:
        if part := parts().get(name):
            stamp_file(paths.cache(), part).unlink(missing_ok=True)


def rows() -> list[dict[str, object]]:
    """Return every part with its state, for people and programs."""
    cache, keys = paths.cache(), keys_of(parts())
    listed: list[dict[str, object]] = []
    for name, part in parts().items():
        stamp = read_stamp(cache, part)
        listed.append(
            {
                "part": name,
                "version": part.version,
                "state": state_of(cache, part, keys[name]),
                "source": stamp.source if stamp else part.source,
                "seconds": stamp.seconds if stamp else None,
                "expected": part.seconds,
                "outputs": list(part.outputs),
                "transient": part.transient,
            }
        )
    return listed


def _print_table() -> None:
    print(f"{'part':24} {'version':36} {'state':8} {'made in':>8} {'about':>6}  source")
    for row in rows():
        made = "" if row["seconds"] is None else f"{row['seconds']} s"
        state = "(not kept)" if row["transient"] and row["state"] == "missing" else row["state"]
        print(f"{row['part']:24} {row['version']:36} {state:8} {made:>8} {row['expected']:>4} s  {row['source']}")


def main(argv: list[str] | None = None) -> int:
    """Do what the arguments say; a failure is one readable message and exit code 1."""
    arguments = _arguments(argv)
    try:
        if arguments.list:
            print(json.dumps(rows(), indent=2)) if arguments.json else _print_table()
        elif arguments.venv:
            ensure(["venv"])
            print(paths.venv_python())
        else:
            forget(arguments.again)
            ensure([*arguments.only, *arguments.again])
    except StepError as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("toolchain: interrupted; what is done stays done, start again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
