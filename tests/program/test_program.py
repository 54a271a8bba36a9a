"""The program as a whole: what it registers, in which order, where secrets are, and when it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pulumi
import pytest

from components.refusal import SHOWN
from tests.program.recorder import CHART, PASSWORD, SIGNATURE, SSH_KEY, TOKEN, Resource, Run, plain, run
from tests.unit.plan_sites import KEY, Data, dev, drop, put
from underlay.model import load_site
from underlay.plan.cluster_file import file_keys
from underlay.plan.verification import EVIDENCE
from underlay.remote import command

OURS = ("cluster:Cluster", "node:Prerequisites", "router:Configuration", "cilium:Release", "bgp:Peering")
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILgsqTbt7KF/hah2Qsuzl9997axE4yUs4XZB1+yhlZ9l"
ENGINE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture(scope="module")
def preview() -> Run:
    return run(dev())


@pytest.fixture(scope="module")
def update() -> Run:
    return run(dev(), preview=False)


def test_a_first_preview_knows_no_kubeconfig_and_registers_everything(preview: Run, update: Run) -> None:
    assert preview.code == update.code == 0
    assert preview.messages == update.messages == []
    assert sorted(one.urn for one in preview.resources) == sorted(one.urn for one in update.resources)
    assert TOKEN not in json.dumps([one.inputs for one in preview.resources])


def test_there_are_six_components_of_the_contract(preview: Run) -> None:
    assert sorted(one.kind for one in preview.resources if not one.custom) == sorted(
        [*(f"underlay:{token}" for token in OURS), "underlay:verification:Datapath"]
    )


def test_every_resource_has_a_component_above_it(preview: Run) -> None:
    for one in preview.resources:
        above = one.parent.split("::")[2].rpartition("$")[2]
        assert above.startswith("underlay:" if one.custom else "pulumi:pulumi:Stack"), one.urn


def test_resources_are_few(preview: Run) -> None:
    site = dev()
    per_machine = len(site["nodes"]) + sum(router["managed"] for router in site["routers"])
    assert len(preview.resources) <= per_machine + len(site["racks"]) + 21


def test_no_secret_is_in_a_plain_input_or_in_a_component_s_facts(update: Run) -> None:
    for one in update.resources:
        text = "\n".join(plain(one.inputs))
        assert not [secret for secret in (PASSWORD, SSH_KEY, TOKEN) if secret in text], one.urn


def test_every_resource_that_needs_a_secret_has_it(update: Run) -> None:
    assert _holders(update, PASSWORD) == {"configure-tor-a", "configure-tor-b", "underlay-bgp"}
    assert _holders(update, TOKEN) == {"cluster", "lineage", "agents", "sessions", "verdict"}
    prepared = {f"prepare-{name}" for name in ("cp-1", "worker-1", "worker-2", "worker-3")}
    assert _holders(update, SSH_KEY) == {*prepared, "configure-tor-a", "configure-tor-b", "verdict"}


def _holders(made: Run, secret: str) -> set[str]:
    return {one.name for one in made.resources if secret in json.dumps(one.inputs)}


def test_the_installer_s_output_is_a_secret(preview: Run) -> None:
    assert preview.named("installer").secret_outputs == ("stdout",)


def test_the_masters_password_goes_to_the_installer_as_a_secret_and_nowhere_else() -> None:
    made = run(dev(), preview=False, clusterPassword="tell-nobody")
    assert _holders(made, "tell-nobody") == {"installer"}
    assert "tell-nobody" not in "\n".join(text for one in made.resources for text in plain(one.inputs))


def test_the_vendor_s_tool_is_an_installer_too() -> None:
    made = run(dev(drop("cluster.installer"), put("cluster.ucs_ctl", {"agent": "agent.yaml"})))
    assert made.code == 0, made.messages
    request = json.loads(str(made.named("installer").inputs["stdin"]))
    assert [key for key, _ in request["keys"]] == list(file_keys(load_site(dev())))
    assert request["make"] == ["ucs-ctl", "create", "cluster", "dev", "-c", "<cluster-file>", "-f", "agent.yaml"]


def test_outputs_hold_no_secret_but_the_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, object] = {}
    monkeypatch.setattr(pulumi, "export", shown.__setitem__)
    run(dev(), preview=False, clusterPassword="tell-nobody")
    assert set(shown) >= {"kubeconfig", "lineage", "routers", "verification"}
    text = json.dumps({name: value for name, value in shown.items() if not isinstance(value, pulumi.Output)})
    assert not [secret for secret in (PASSWORD, SSH_KEY, TOKEN, "tell-nobody") if secret in text]


def test_command_lines_hold_no_data(preview: Run) -> None:
    remote = {str(one.inputs["create"]) for one in preview.of("command:remote:Command")}
    assert remote == {command("apply", user) for user in ("root", "ops")}
    local = sorted(str(one.inputs["create"]) for one in preview.of("command:local:Command"))
    words = ("install", "lineage", "verify --json", "wait-cilium", "wait-sessions")
    assert local == [f"python3 -m underlay {word}" for word in words]


def test_every_machine_s_host_key_is_pinned_and_nothing_is_logged(preview: Run) -> None:
    for one in preview.of("command:remote:Command"):
        connection = one.inputs["connection"]
        assert SIGNATURE in connection
        assert connection["value"]["hostKey"].startswith("ssh-ed25519 ")
        assert one.inputs["logging"] == "none"
        assert one.inputs["addPreviousOutputInEnv"] is False
        assert one.inputs["delete"] in {command("remove", user) for user in ("root", "ops")}


@pytest.mark.parametrize(("said", "code"), [("failed to load checkpoint: EOF", 0), ("no such stack", SHOWN)])
def test_a_state_that_is_being_written_is_read_again(said: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.lineage.PAUSE", 0)
    assert run(dev(), unreadable=[said] * 3).code == code


JUMPS = [
    {"name": f"jump-{number}", "address": f"198.51.100.{number}", "user": "jump", "port": 2200} for number in (1, 2)
]


def proxies(made: Run) -> dict[str, Data | None]:
    """Return the bastion of each command on a machine, by the machine's name."""
    found = {one.name.partition("-")[2]: one.inputs["connection"]["value"] for one in made.of("command:remote:Command")}
    return {name: connection.get("proxy") for name, connection in found.items()}


def test_machines_are_reached_through_the_bastion_that_their_rack_names() -> None:
    site = dev(put("ssh", {"bastions": JUMPS, "bastion": "jump-1"}), put("racks.1.bastion", "jump-2"))
    keys = dict.fromkeys((*proxies(run(dev())), "jump-1"), KEY) | {"jump-2": OTHER_KEY}
    found = proxies(run(site, hostKeys=keys, bastionKey="the bastion's key"))
    assert {name: proxy and proxy["host"] for name, proxy in found.items()} == {
        **dict.fromkeys(("cp-1", "worker-1", "tor-a"), "198.51.100.1"),
        **dict.fromkeys(("worker-2", "worker-3", "tor-b"), "198.51.100.2"),
    }
    proxy = found["tor-b"] or {}
    assert (proxy["user"], proxy["port"], proxy["hostKey"]) == ("jump", 2200, OTHER_KEY)
    assert proxy["privateKey"] == "the bastion's key"


def test_without_a_key_of_its_own_a_bastion_takes_the_machines_key_and_without_a_bastion_nothing_is_between() -> None:
    site = dev(put("ssh", {"bastions": JUMPS[:1]}), put("racks.0.bastion", "jump-1"))
    found = proxies(run(site, hostKeys=dict.fromkeys((*proxies(run(dev())), "jump-1"), KEY)))
    assert {name for name, proxy in found.items() if proxy} == {"cp-1", "worker-1", "tor-a"}
    assert (found["cp-1"] or {})["privateKey"] == SSH_KEY


def reaches(made: Run, name: str, kind: str = "") -> set[str]:
    """Return the names of everything that has to be there before a resource, or before its component."""
    by_urn = {one.urn: one for one in made.resources}

    def before(one: Resource) -> Iterator[str]:
        for urn in (*one.depends, one.parent):
            if urn in by_urn:
                yield by_urn[urn].name
                yield from before(by_urn[urn])

    return set(before(made.named(name, kind)))


def test_cilium_comes_after_the_nodes_and_before_bgp(update: Run) -> None:
    assert {"prepare-cp-1", "prepare-worker-3"} <= reaches(update, "cilium", ENGINE)
    assert "cilium" in reaches(update, "agents")
    for item in update.of("kubernetes:cilium.io/v2:"):
        assert {"agents", "underlay-bgp"} <= reaches(update, item.name), item.name


def test_the_record_is_kept_after_the_installer_and_before_cilium(update: Run) -> None:
    assert "installer" in reaches(update, "lineage")
    assert "lineage" in reaches(update, "cilium", ENGINE)
    assert "lineage" in reaches(run(dev(put("cilium.owner", "installer")), chart="", preview=False), "agents")
    assert update.named("lineage").inputs["addPreviousOutputInEnv"] is True


@pytest.mark.parametrize("there", [True, False], ids=["there before", "made by the installer"])
def test_no_machine_of_a_cluster_that_was_there_is_touched_before_the_look_that_may_refuse_it(*, there: bool) -> None:
    site = dev(drop("cluster.installer")) if there else dev()
    made = run(site, preview=False, kubeconfig="given-config" if there else "")
    machines = [one.name for one in made.of("command:remote:Command")]
    assert len(machines) == len(site["nodes"]) + 2
    assert {"lineage" in reaches(made, name) for name in machines} == {there}


def test_the_verdict_comes_last(update: Run) -> None:
    others = {one.name for one in update.resources if one.custom and one.name != "cluster"} - {"verdict"}
    assert others <= reaches(update, "verdict")


def test_the_release_is_pinned_down(preview: Run) -> None:
    inputs = preview.named("cilium", ENGINE).inputs
    assert (inputs["name"], inputs["namespace"], inputs["chart"]) == ("cilium", "kube-system", CHART)
    assert inputs["values"]["ipv4NativeRoutingCIDR"] == "10.244.0.0/16"
    assert (inputs["atomic"], inputs["skipAwait"], inputs["maxHistory"]) == (False, True, 5)


def test_kubernetes_objects_have_fixed_names_and_can_be_taken_over(preview: Run) -> None:
    objects = [one for one in preview.of("kubernetes:") if "metadata" in one.inputs]
    assert len(objects) == 10
    for one in objects:
        assert one.inputs["metadata"]["name"]
        assert one.inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"


def test_policies_get_the_cluster_s_facts(preview: Run) -> None:
    facts = preview.named("dev", "cluster:Cluster").inputs
    assert (facts["origin"], facts["networkMode"], facts["routingMode"]) == ("new", "underlay", "native")
    assert (facts["podPool"], facts["nativeRoutingCidr"]) == (["10.244.0.0/16"], "10.244.0.0/16")
    assert {router["nodeAsn"] for router in facts["bgpRouters"]} == {dev()["bgp"]["asn"]}
    assert {router["asn"] for router in facts["bgpRouters"]} == {router["asn"] for router in dev()["routers"][:2]}


def test_cilium_of_the_installer_is_waited_for_and_not_installed() -> None:
    made = run(dev(put("cilium.owner", "installer")), chart="")
    assert made.code == 0
    assert not made.of(ENGINE)
    assert made.named("agents")


def test_a_router_of_the_network_team_is_rendered_not_configured() -> None:
    made = run(dev(put("routers.1.managed", value=False), drop("routers.1.management")))
    assert [one.name for one in made.resources if one.name.startswith("configure-")] == ["configure-tor-a"]


@pytest.mark.parametrize(
    ("place", "name", "said"),
    [(4, "configure-tor-b", '{"changed": ["a new password"]}'), (5, "agents", '{"agents": {"worker-1": "cilium-2"}}')],
)
def test_what_was_worked_on_is_verified_again(preview: Run, update: Run, place: int, name: str, said: str) -> None:
    first = update.named("verdict").inputs["triggers"]
    other = run(dev(), preview=False, stdout={name: said}).named("verdict").inputs["triggers"]
    assert [one != two for one, two in zip(first, other, strict=True)] == [number == place for number in range(6)]
    assert preview.named("verdict").inputs["triggers"][3:] == preview.named("sessions").inputs["triggers"][3:]


@pytest.mark.parametrize("folder", ["", "proofs/of dev; id"])
def test_an_update_s_proof_is_left_where_the_stack_says(folder: str) -> None:
    made = run(dev(), evidence=folder).named("verdict").inputs
    assert made.get("environment", {}) == ({EVIDENCE: folder} if folder else {})
