"""The rules' page, made from the rules themselves: `python -m policy.pages > docs/policy-rules.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulumi_policy import Policy, StackValidationPolicy

from .pack import POLICIES

HEAD = """# Rules of the policy pack

Made from the code by `python -m policy.pages`; a test compares the two. How the pack is used: [policy.md](policy.md).

A rule answers *pass*, *violation*, *undetermined* or *not applicable*. *Declared* facts are known before anything runs;
one that is unknown is undetermined, which stops a preview like a violation. *Live* facts are told by a cluster; without
one, the rule is not applicable at preview and judges at `up` and on a saved state.
"""


def page() -> str:
    """Return the page as Markdown."""
    rows = [
        f"| [{one.name}](#{one.name}) | {_severity(one)} | {_level(one)} | {_facts(one)} | {_scope(one)} |"
        for one in POLICIES
    ]
    table = "\n".join(["| rule | severity | level | facts | judges |", "|---|---|---|---|---|", *rows])
    return "\n".join([HEAD, table, *(_section(one) for one in POLICIES)])


def _section(policy: Policy) -> str:
    lines = [f"\n## {policy.name}\n", f"{policy.description}", "", f"**What to do.** {policy.remediation_steps}"]
    return "\n".join([*lines, *_configuration(policy)]) + "\n"


def _configuration(policy: Policy) -> Iterator[str]:
    schema = policy.config_schema
    if not schema:
        return
    yield "\n| configuration | type | default |\n|---|---|---|"
    for name, form in schema.properties.items():
        yield f"| `{name}` | {_type(form)} | {_default(form)} |"


def _type(form: dict[str, Any]) -> str:
    if "enum" in form:
        return " or ".join(f"`{word}`" for word in form["enum"])
    inner = form.get("items", {}).get("type", "")
    return f"{form['type']} of {inner}" if inner else str(form["type"])


def _default(form: dict[str, Any]) -> str:
    found = form.get("default")
    if found is None:
        return "none"
    return ", ".join(f"`{one}`" for one in found) if isinstance(found, list) else f"`{found}`"


def _severity(policy: Policy) -> str:
    return policy.severity.value if policy.severity else ""


def _level(policy: Policy) -> str:
    return policy.enforcement_level.value if policy.enforcement_level else ""


def _facts(policy: Policy) -> str:
    return (policy.tags or [""])[0].removeprefix("facts:")


def _scope(policy: Policy) -> str:
    return "stacks" if isinstance(policy, StackValidationPolicy) else "resources"


if __name__ == "__main__":
    print(page(), end="")
