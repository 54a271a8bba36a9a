"""Drives the language host over gRPC as the engine does, with a stand-in for the SDK's executor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, language_pb2, language_pb2_grpc

from tests.unit.test_command_provider_rig import ROOT, client_options, running

HOST = ROOT / "lab/pulumi/language_host.py"
CALL_SECONDS = 60
EXIT_SECONDS = 10

EXECUTOR = """
import json, os, sys, time
names = ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS", "VIRTUAL_ENV", "PATH")
with open(os.environ["LAB_TOLD"], "w") as file:
    json.dump({"argv": sys.argv[1:], "pid": os.getpid(), **{name: os.environ.get(name) for name in names}}, file)
print("the program speaks", flush=True)
exec(sys.argv[-1])
"""

PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def rule(args, report):
    report(f"{pulumi.get_project()}/{pulumi.get_stack()} {pulumi.Config('lab').get('colour')}")

policy = ResourceValidationPolicy(name="always", description="says the stack", validate=rule)
PolicyPack("pack", [policy], enforcement_level=EnforcementLevel.MANDATORY)
"""


@dataclass
class Host:
    """A language host's process with a client."""

    process: subprocess.Popen[bytes]
    stub: language_pb2_grpc.LanguageRuntimeStub
    folder: Path

    def info(self, **options: str) -> language_pb2.ProgramInfo:
        settings = struct_pb2.Struct()
        settings.update(options)
        folder = str(self.folder)
        return language_pb2.ProgramInfo(
            root_directory=folder, program_directory=folder, entry_point=".", options=settings
        )

    def run(self, code: str = "", **options: str) -> language_pb2.RunResponse:
        request = language_pb2.RunRequest(
            project="p", stack="s", pwd=str(self.folder), parallel=4, dryRun=True, monitor_address="127.0.0.1:1",
            organization="o", config={"lab:colour": "red"}, configSecretKeys=["lab:key"], info=self.info(**options),
            args=[code],
        )  # fmt: skip
        answer: language_pb2.RunResponse = self.stub.Run(request, timeout=CALL_SECONDS)
        return answer

    @property
    def told(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self.folder / "told").read_text(encoding="utf-8"))
        return said


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Yield a host for all tests that leave it running."""
    with client(tmp_path_factory.mktemp("host")) as shared:
        yield shared


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Host]:
    """Yield a host for one test."""
    with client(tmp_path) as alone:
        yield alone


@contextmanager
def client(folder: Path) -> Iterator[Host]:
    with started(folder) as (process, address), grpc.insecure_channel(address, options=client_options()) as channel:
        yield Host(process, language_pb2_grpc.LanguageRuntimeStub(channel), folder)


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start the host as the engine does and yield it with its address."""
    (folder / "executor").write_text(EXECUTOR, encoding="utf-8")
    words = [sys.executable, str(HOST), "--use-executor", str(folder / "executor")]
    variables = {**os.environ, "LAB_TOLD": str(folder / "told"), "PULUMI_PYTHON_CMD": sys.executable}
    variables.pop("VIRTUAL_ENV", None)
    with running(*words, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process, f"127.0.0.1:{int(process.stdout.readline())}"


def test_a_program_gets_its_stack_and_its_settings(host: Host) -> None:
    assert host.run() == language_pb2.RunResponse()
    folder = str(host.folder)
    options = [
        "--monitor",
        "127.0.0.1:1",
        "--project",
        "p",
        "--root_directory",
        folder,
        "--stack",
        "s",
        "--pwd",
        folder,
    ]
    assert host.told["argv"] == [*options, "--dry_run", "true", "--parallel", "4", "--organization", "o", ".", ""]
    assert json.loads(host.told["PULUMI_CONFIG"]) == {"lab:colour": "red"}
    assert json.loads(host.told["PULUMI_CONFIG_SECRET_KEYS"]) == ["lab:key"]


def test_a_programs_output_goes_to_the_engine(own: Host) -> None:
    own.run()
    assert own.process.stdout is not None
    assert own.process.stdout.readline() == b"the program speaks\n"


@pytest.mark.parametrize(
    ("code", "error", "bail"),
    [
        ("sys.exit(0)", "", False),
        ("sys.exit(32)", "", True),
        ("sys.exit(3)", "program exited with non-zero exit code: 3", False),
        ("os.kill(os.getpid(), 9)", "program exited unexpectedly: signal Killed", False),
    ],
)
def test_how_a_program_ended(host: Host, code: str, error: str, bail: bool) -> None:
    assert host.run(code) == language_pb2.RunResponse(error=error, bail=bail)


def test_a_virtual_environment_is_used_and_activated(host: Host) -> None:
    (host.folder / "env/bin").mkdir(parents=True)
    (host.folder / "env/bin/python").symlink_to(sys.executable)
    host.run(virtualenv="env")
    assert host.told["VIRTUAL_ENV"] == str(host.folder / "env")
    assert host.told["PATH"].split(":")[0] == str(host.folder / "env/bin")


def test_a_missing_virtual_environment_is_named(host: Host) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        host.run(virtualenv="none")
    assert f"{host.folder}/none does not exist; make it with: python3 -m venv" in caught.value.details()


@pytest.mark.parametrize(("name", "value"), [("toolchain", "conda"), ("typechecker", "mypy")])
def test_options_that_are_not_offered_are_refused(host: Host, name: str, value: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        host.run(**{name: value})
    assert name in caught.value.details()


def test_cancel_ends_a_program(host: Host) -> None:
    begin = time.monotonic()
    threading.Timer(1, lambda: host.stub.Cancel(empty_pb2.Empty(), timeout=CALL_SECONDS)).start()
    assert "signal Terminated" in host.run("time.sleep(60)").error
    assert time.monotonic() - begin < EXIT_SECONDS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_host_ends_quietly_and_its_program_with_it(own: Host, number: signal.Signals) -> None:
    answers: list[language_pb2.RunResponse] = []
    call = threading.Thread(target=lambda: answers.append(own.run("time.sleep(60)")))
    call.start()
    wait_for(lambda: (own.folder / "told").exists() and bool((own.folder / "told").read_text(encoding="utf-8")))
    own.process.send_signal(number)
    assert own.process.wait(timeout=EXIT_SECONDS) == 0
    assert not Path("/proc", str(own.told["pid"])).exists()
    assert own.process.stderr is not None
    assert own.process.stderr.read() == b""
    call.join()
    assert "signal Terminated" in answers[0].error


def wait_for(there: Any) -> None:
    until = time.monotonic() + EXIT_SECONDS
    while not there():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_host_ends_with_its_engine() -> None:
    script = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:], stdout=-1); p.stdout.readline(); print(p.pid)"
    words = [sys.executable, "-c", script, sys.executable, str(HOST), "--use-executor", sys.executable]
    engine = subprocess.run(words, check=True, capture_output=True, text=True)
    wait_for(lambda: not Path("/proc", engine.stdout.strip()).exists())


def test_without_the_executor_the_host_says_where_it_looked(tmp_path: Path) -> None:
    words = [sys.executable, str(HOST)]
    ended = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "pulumi-language-python-exec is neither beside" in ended.stderr


def test_plugins_are_those_that_installed_packages_name(host: Host) -> None:
    request = language_pb2.GetRequiredPackagesRequest(info=host.info())
    packages = host.stub.GetRequiredPackages(request, timeout=CALL_SECONDS).packages
    assert ("command", "v1.2.1", "resource") in [(package.name, package.version, package.kind) for package in packages]
    assert not {package.name for package in packages} & {"policy", "pulumi"}


def test_dependencies_leave_out_what_others_need(host: Host) -> None:
    def names(*, everything: bool) -> set[str]:
        request = language_pb2.GetProgramDependenciesRequest(info=host.info(), transitiveDependencies=everything)
        return {each.name for each in host.stub.GetProgramDependencies(request, timeout=CALL_SECONDS).dependencies}

    assert {"pulumi-command", "pulumi", "grpcio"} <= names(everything=True)
    assert "grpcio" not in names(everything=False)


def test_packages_are_not_installed_in_silence(host: Host) -> None:
    request = language_pb2.InstallDependenciesRequest(info=host.info())
    with pytest.raises(grpc.RpcError) as caught:
        list(host.stub.InstallDependencies(request, timeout=CALL_SECONDS))
    assert "pip install -r requirements.txt" in caught.value.details()


@contextmanager
def pack(host: Host, code: str) -> Iterator[tuple[analyzer_pb2_grpc.AnalyzerStub, Any]]:
    """Run a policy pack and yield a client of it, and its output's stream."""
    (host.folder / "__main__.py").write_text(code, encoding="utf-8")
    request = language_pb2.RunPluginRequest(
        kind="analyzer",
        info=host.info(),
        pwd=str(host.folder),
        args=["127.0.0.1:1"],
        env=[f"PATH={os.environ['PATH']}"],
    )
    stream = host.stub.RunPlugin(request, timeout=CALL_SECONDS)
    port = int(next(stream).stdout)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel), stream
    stream.cancel()


def test_a_policy_pack_knows_its_stack(host: Host) -> None:
    with pack(host, PACK) as (analyzer, _):
        analyzer.Handshake(analyzer_pb2.AnalyzerHandshakeRequest(), timeout=CALL_SECONDS)
        stack = analyzer_pb2.AnalyzerStackConfigureRequest(project="p", stack="s", config={"lab:colour": "red"})
        analyzer.ConfigureStack(stack, timeout=CALL_SECONDS)
        assert analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=CALL_SECONDS).name == "pack"
        resource = analyzer_pb2.AnalyzeRequest(type="a:b:C", name="n", urn="urn:pulumi:s::p::a:b:C::n")
        (found,) = analyzer.Analyze(resource, timeout=CALL_SECONDS).diagnostics
    assert "p/s red" in found.message


def test_a_policy_pack_runs_without_a_stack(host: Host) -> None:
    with pack(host, PACK) as (analyzer, _):
        assert analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=CALL_SECONDS).name == "pack"


def test_a_broken_policy_pack_is_shown_and_fails_its_calls(host: Host) -> None:
    with pack(host, "raise ValueError('a broken pack')") as (analyzer, stream):
        with pytest.raises(grpc.RpcError) as caught:
            analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=CALL_SECONDS)
        rest = list(stream)
    assert "policy pack not started" in caught.value.details()
    assert b"a broken pack" in b"".join(piece.stdout + piece.stderr for piece in rest)
    assert rest[-1].exitcode == 1


def test_an_ended_run_leaves_no_policy_pack(host: Host) -> None:
    said = host.folder / "pid"
    code = f"import os; open({str(said)!r}, 'w').write(str(os.getpid())){PACK}"
    with pack(host, code) as (analyzer, _):
        analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=CALL_SECONDS)
    wait_for(lambda: not Path("/proc", said.read_text(encoding="utf-8")).exists())
