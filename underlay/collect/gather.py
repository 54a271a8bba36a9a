"""All evidence at once: nodes attach while the API is read, then everybody probes, then everybody reports."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import Field

from underlay.collect import echoes, kubernetes, nodes, routers, watch
from underlay.collect.bastions import Bastions
from underlay.collect.policies import survey_policies
from underlay.collect.ssh import Machine, Shell, Unreachable, connect, machines
from underlay.judge.evidence import ECHOES, Evidence, RouterReport, Survey
from underlay.judge.policy_evidence import PolicySurvey
from underlay.model import Management, Model, Site
from underlay.plan.access import bastions
from underlay.plan.verification import Expected
from underlay.plan.waivers import Waiver

SHOWN = 600
"""Characters of an error that the evidence keeps."""
SURVEYING, READING = 20.0, 20.0
"""Seconds for the Kubernetes API, and for one router without its watch; less where the whole has less time."""
ECHOING = 12.0
"""Seconds until a router has heard of pods, once they are known."""
EARLIER = 0.9
"""Share of its time after which the API's reader gives up by itself, so that what it has is kept."""
S = TypeVar("S")
T = TypeVar("T")
Say = Callable[[str], None]


class Keys(Model):
    """How machines are reached and known."""

    key: str = Field(repr=False)
    host_keys: Mapping[str, str]
    bastion_key: str = Field(default="", repr=False)
    """Of bastions; empty: the same key."""


class Request(Model):
    """The input of one verification."""

    version: int = Field(alias="schema", ge=1, le=1)
    site: Site
    expected: Expected
    ssh: Keys
    waivers: tuple[Waiver, ...] = ()
    kubeconfig: str = Field(repr=False)
    seconds: int = Field(default=60, ge=5, le=600)


class Gathering:
    """One verification's evidence while it comes in."""

    def __init__(self, request: Request, say: Say) -> None:
        self.request = request
        self.expected = request.expected
        self.say = say
        self.begun = time.monotonic()
        self.errors: dict[str, str] = {}
        self.shells: list[Shell] = []
        self.bastions = Bastions(request.ssh.key)
        self.machines = reached(request)
        self.surveyed = asyncio.Event()

    async def run(self) -> Evidence:
        """Return all evidence; what could not be had within the time limit is in `errors`."""
        taken = datetime.now(UTC)
        found: dict[str, Any] = {"survey": Survey(), "nodes": {}, "routers": {}}
        try:
            async with asyncio.timeout(self.request.seconds):
                await self._collect(found)
        except TimeoutError:
            late = [name for name in self.machines if name not in {*found["nodes"], *found["routers"], *self.errors}]
            self.errors |= dict.fromkeys(late, f"no evidence within {self.request.seconds} s")
        finally:
            for shell in self.shells:
                shell.close()
            self.bastions.close()
        return Evidence(taken=taken, seconds=round(time.monotonic() - self.begun, 2), errors=self.errors, **found)

    async def _collect(self, found: dict[str, Any]) -> None:
        """Let routers answer in their own time: no node waits for them, and what they say is kept as it comes."""
        await asyncio.gather(self._nodes(found), self._routers(found))

    async def _nodes(self, found: dict[str, Any]) -> None:
        names = [node.name for node in self.expected.nodes]
        started, *_ = await asyncio.gather(self._begin(), self._survey(found, names), self._policies(found))
        self._phase(f"{len(started)} of {len(names)} nodes ready")
        await self._all(started, lambda name, node: self._probe(name, node, found["survey"]))
        self._phase("probes done")

        async def report(name: str, node: nodes.Node) -> None:
            found["nodes"][name] = await node.report()

        await self._all(started, report)

    async def _survey(self, found: dict[str, Any], names: list[str]) -> None:
        """Read the API; without it, nodes and routers still tell what they know."""
        seconds = min(SURVEYING, self.request.seconds / 3)
        plan, within = self.expected, EARLIER * seconds
        ask = partial(kubernetes.survey, self.request.kubeconfig, plan.namespace, names, within, plan.release)
        answer = await _within(seconds, ask)
        found["survey"] = Survey(errors=(f"Kubernetes API: {answer}",)) if isinstance(answer, str) else answer
        self.surveyed.set()

    async def _policies(self, found: dict[str, Any]) -> None:
        """Read the cluster's policies where the site declares some."""
        site = self.request.site
        if site.policies:
            seconds = min(SURVEYING, self.request.seconds / 3)
            answer = await _within(seconds, partial(survey_policies, site, self.request.kubeconfig, EARLIER * seconds))
            found["policies"] = PolicySurvey(error=answer) if isinstance(answer, str) else answer

    async def _begin(self) -> dict[str, nodes.Node]:
        wanted = {node.name: node for node in self.expected.nodes}

        async def begin(name: str, machine: Machine) -> nodes.Node:
            node = await nodes.start(await self._connect(machine))
            await node.begin(wanted[name], self.expected)
            return node

        return await self._all({name: self.machines[name] for name in wanted}, begin)

    async def _routers(self, found: dict[str, Any]) -> None:
        platforms = {router.name: router.platform for router in self.expected.routers if router.managed}
        seconds = min(READING, self.request.seconds * 2 / 3)
        longest = min(watch.LONGEST, self.request.seconds / 3 - watch.PAUSE)
        said: dict[str, RouterReport] = found["routers"]

        async def read(name: str, machine: Machine) -> None:
            try:
                async with asyncio.timeout(seconds):
                    shell = await self._connect(machine)
                    asking = asyncio.create_task(self._echoes(name, shell, found))
                    report = await routers.read(shell, platforms[name])
                    said[name] = report.model_copy(update={"errors": (*report.errors, f"{ECHOES}not heard yet")})
            except TimeoutError:
                raise Unreachable(f"no answer within {seconds:.3g} s") from None
            heard, errors = await asking
            said[name] = report.model_copy(update={"echoes": heard, "errors": (*report.errors, *errors)})
            said[name] = await routers.watched(shell, platforms[name], said[name], self.expected.hold, longest)

        await self._all({name: self.machines[name] for name in platforms}, read)

    async def _echoes(self, name: str, shell: Shell, found: dict[str, Any]) -> tuple[dict[str, bool] | None, list[str]]:
        """Return which pods answered a router, asked as soon as they are known; what was not had is a sentence."""
        if self.expected.service is None:
            return None, []
        await self.surveyed.wait()  # that has a time of its own
        try:
            async with asyncio.timeout(ECHOING):
                seen = found["survey"].nodes
                asked = self.expected.echoing(name).items()
                pods = {probe: own for node, own in asked if node in seen and (probe := seen[node].probe)}
                return await echoes.read(shell, pods), []
        except TimeoutError:
            return None, [f"{ECHOES}no answer within {ECHOING:g} s"]
        except Exception as error:  # noqa: BLE001 - whatever a router says here, the rest of its answer counts
            return None, [f"{ECHOES}{str(error)[:SHOWN] or type(error).__name__}"]

    async def _probe(self, name: str, node: nodes.Node, survey: Survey) -> None:
        pods = {other: entry.probe for other, entry in survey.nodes.items() if entry.probe}
        partners = self.expected.partners(name)
        targets = [{"node": other, "address": pods[other]} for other in partners if other in pods]
        await node.probe(pods.get(name), targets, self.expected, beyond(name, self.expected, survey))

    async def _connect(self, machine: Machine) -> Shell:
        shell = await connect(machine, self.request.ssh.key, await self.bastions.before(machine))
        self.shells.append(shell)
        return shell

    async def _all(self, things: Mapping[str, S], ask: Callable[[str, S], Awaitable[T]]) -> dict[str, T]:
        """Ask all of them at once; one that fails is a sentence in `errors`, and left out from then on."""

        async def one(name: str, thing: S) -> tuple[str, T] | None:
            try:
                return name, await ask(name, thing)
            except Exception as error:  # noqa: BLE001 - nothing that a machine says may end the others' collection
                self.errors[name] = (str(error) or type(error).__name__)[:SHOWN]
                return None

        alive = {name: thing for name, thing in things.items() if name not in self.errors}
        answers = await asyncio.gather(*(one(name, thing) for name, thing in alive.items()))
        return dict(answer for answer in answers if answer)

    def _phase(self, text: str) -> None:
        self.say(f"verify: {text} ({time.monotonic() - self.begun:.1f} s)")


def beyond(name: str, expected: Expected, survey: Survey) -> dict[str, Any]:
    """Return what a node is asked for beside its partners: the service, a pod from its own network, another node."""
    front, following = survey.service, expected.following(name)
    asked: dict[str, Any] = {"web": True} if expected.service else {}
    if expected.service and front:
        ports = {"port": expected.service.port, "web_port": expected.service.web_port}
        asked["service"] = {"address": front.address, **ports}
    other = survey.nodes.get(following) if following and expected.service else None
    if other and other.probe:
        asked["from_node"] = {"node": following, "address": other.probe}
    if other and other.kubelet:
        address = next(str(node.address) for node in expected.nodes if node.name == following)
        asked["to_node"] = {"node": following, "address": address, "port": other.kubelet}
    return asked


def reached(request: Request) -> dict[str, Machine]:
    """Return where each node and managed router is reached, and through which bastion."""
    site, ssh = request.site, request.ssh
    return machines(_access(site), ssh.host_keys, bastions(site), ssh.bastion_key)


def _access(site: Site) -> dict[str, Management]:
    routers_ = {router.name: router.management for router in site.routers if router.managed and router.management}
    return {**{node.name: node.management for node in site.nodes}, **routers_}


async def _within(seconds: float, ask: Callable[[], S]) -> S | str:
    """Ask in a thread that nobody waits for beyond its time, not even at the program's end; else say why."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[S] = loop.create_future()
    threading.Thread(target=_answer, args=(answer, loop, ask), daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError:
        return f"no answer within {seconds:.3g} s"
    except Exception as error:  # noqa: BLE001 - the client has many ways to refuse a kubeconfig or a connection
        return f"{type(error).__name__}: {error}"[:SHOWN]


def _answer(answer: asyncio.Future[S], loop: asyncio.AbstractEventLoop, ask: Callable[[], S]) -> None:
    """Ask in this thread and hand the answer to the loop, unless that has ended."""
    try:
        found = ask()
    except Exception as error:  # noqa: BLE001 - the loop's side raises it
        give: Callable[[], None] = partial(_give, answer, error)
    else:
        give = partial(_give, answer, found)
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(give)


def _give(answer: asyncio.Future[S], found: S | Exception) -> None:
    if answer.done():
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)


def gather(request: Request, say: Say) -> Evidence:
    """Collect all evidence of a site."""
    return asyncio.run(Gathering(request, say).run())
