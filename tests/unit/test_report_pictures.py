"""Pictures: the committed ones are the code's, the same site is the same bytes, and hostile names draw nothing."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from lab.paths import repo
from tests.campaigns.big_site import big_site
from tests.unit.judge_faults import forwarding_off
from tests.unit.judge_site import healthy, verdict
from tests.unit.plan_sites import dev, put, site
from underlay.judge.evidence import Evidence
from underlay.model import Site, load_site
from underlay.report.pictures import Drawing, Seen, drawings, seen
from underlay.report.pictures.plan import FULL, rows_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(what: Seen | None = None, of: Site | None = None) -> dict[str, Drawing]:
    return {one.name: one for one in drawings(of or site(), what)}


def big() -> Site:
    return load_site(big_site(300))


def test_the_committed_pictures_are_the_codes() -> None:
    folder = repo() / "docs" / "pictures"
    made = {f"{name}.svg": one.svg for name, one in drawn().items()}
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == made, "run `make docs`"


@pytest.mark.parametrize("of", [site, big])
def test_every_picture_has_words_for_those_who_do_not_see_it(of: object) -> None:
    assert callable(of)
    found = drawn(Seen(probed=frozenset({("a", "b")})), of())
    assert set(found) == {"site", "matrix", "ranges"}
    for one in found.values():
        root = ET.fromstring(one.svg)  # noqa: S314 - our own drawing
        assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
        assert root[0].text == one.title
        assert len(root[1].text or "") > 20
        assert root.attrib["aria-labelledby"] == f"{one.name}-title {one.name}-description"
        assert "prefers-color-scheme: dark" in one.svg


def test_the_same_site_is_the_same_bytes() -> None:
    assert drawn() == drawn()


def test_what_a_verification_saw_is_drawn() -> None:
    evidence = healthy()
    forwarding_off(evidence)
    evidence["survey"]["nodes"]["worker-3"]["sessions"][0]["state"] = "active"
    found = drawn(seen(site(), Evidence.model_validate(evidence), verdict(evidence)))
    assert "session worker-3 - tor-b: down" in found["site"].svg
    assert "session worker-2 - tor-b: established" in found["site"].svg
    assert "pods 10.244.3.0/24" in found["site"].svg
    assert 'class="bad-frame"' in found["site"].svg


def test_a_broken_link_is_another_line_and_has_a_mark() -> None:
    healthy_one = drawn(Seen(links={frozenset(("tor-a", "tor-b")): True}))["site"].svg
    broken = drawn(Seen(links={frozenset(("tor-a", "tor-b")): False}))["site"].svg
    assert 'class="bad-line"' in broken
    assert 'class="bad-frame"' in broken
    assert 'class="bad-line"' not in healthy_one


def test_a_broken_link_of_a_large_site_is_told_in_words() -> None:
    found = drawn(Seen(links={frozenset(("leaf-1-a", "spine-1")): False}), big())["site"].svg
    assert "\u2715 down: leaf-1-a - spine-1" in found


def test_a_large_matrix_stays_small() -> None:
    names = [node.name for node in big().nodes]
    tried = frozenset((one, other) for one in names for other in names if one != other)
    found = drawn(Seen(probed=tried, lost=frozenset({("node-1", "node-2")})), big())["matrix"].svg
    assert "89,700 pairs of nodes were tried; 1 failed. Failed: node-1 to node-2." in found
    assert len(found) < 200_000


def test_hostile_names_draw_nothing() -> None:
    name = "</text><script>alert(1)</script>"
    found = drawn(Seen(pods={"cp-1": name}, failed=frozenset({name})))["site"].svg
    kinds = {one.tag.removeprefix(SVG) for one in ET.fromstring(found).iter()}  # noqa: S314 - our own drawing
    assert kinds <= {"svg", "title", "desc", "style", "rect", "circle", "polyline", "text"}


def test_a_range_that_is_nearly_full_is_said() -> None:
    tight = load_site(dev(put("addresses.pods.pools", ["10.244.0.0/22"])))
    [pods] = [row for row in rows_of(tight) if row.range.kind == "pod-pool"]
    assert pods.room is not None
    assert (pods.room.taken, pods.room.all) == (4, 4)
    assert pods.room.share >= FULL
    assert "nearly full: 4 of 4 node networks, room for 0" in drawn(of=tight)["ranges"].svg
