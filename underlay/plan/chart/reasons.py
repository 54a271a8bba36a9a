"""Why each finding about the chart and about what Helm makes of it exists."""

from __future__ import annotations

REASONS = {
    "helm-missing": "Preview renders the chart by Helm itself; without it a refused value is found by the update.",
    "helm-hangs": "Rendering takes a second; what waits longer waits for a network that it should not need.",
    "chart-unreadable": "The reference names no directory and no archive with a chart.",
    "chart-not-fetched": "The registry or the repository does not hand the chart out.",
    "chart-digest-differs": "The archive is not the one that was declared, whatever its name says.",
    "chart-of-another-version": "Keys, rules and images follow from the declared version.",
    "chart-schema-refuses-value": "The chart's schema takes another kind of value; the update would fail.",
    "chart-refuses-values": "A template of the chart fails for this combination; the update would fail.",
    "chart-not-rendered": "Helm fails in a way that has no name of its own; the update would fail.",
    "rendered-option-differs": "Agents would run with another option than the one that follows from the site.",
    "rendered-tunnel": "Something that is installed would put a header around pods' packets.",
    "rendered-api-differs": "Agents would look for the API at another place, which may need Cilium to be reached.",
    "image-outside-registry": "Nodes of the site reach the declared registry only.",
    "image-without-digest": "A tag can be moved to another image; only a digest is what was looked at.",
}
