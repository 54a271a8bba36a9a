# ruff: noqa: N802, the service gives its methods their names
"""Pulumi's language host for Python: runs programs and policy packs for the engine."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

if not __package__:  # run by its path: the repository takes the place of this folder
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from lab.pulumi import serve
from lab.pulumi.interpreters import Interpreter, interpreter
from lab.pulumi.policy_proxy import PolicyProxy
from lab.pulumi.programs import Programs, ending, output

EXECUTOR = "pulumi-language-python-exec"

BAIL = 32
"""A program that ends with this has told the user itself what is wrong."""

ANALYZER = "analyzer"

FACTS = Path(__file__).with_name("facts.py")


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The language's service; all it runs ends with it."""

    def __init__(self, executor: str, engine_address: str = "") -> None:
        self._executor = executor
        self._engine_address = engine_address
        self._programs = Programs()

    @serve.answered
    async def Handshake(self, request: language_pb2.LanguageHandshakeRequest) -> language_pb2.LanguageHandshakeResponse:
        """Learn where the engine listens."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    @serve.answered
    async def GetPluginInfo(self, _request: empty_pb2.Empty) -> plugin_pb2.PluginInfo:
        """Return the version of the SDK that runs this host."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    @serve.answered
    async def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Return the plugins that the program's installed packages name."""
        facts = await self._facts(_interpreter(request.info))
        named = [package for package in facts["packages"] if (package["plugin"] or {}).get("resource")]
        return language_pb2.GetRequiredPackagesResponse(packages=[_dependency(package) for package in named])

    @serve.answered
    async def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Return the installed packages, or those of them that no other needs."""
        facts = await self._facts(_interpreter(request.info))
        hidden = set() if request.transitiveDependencies else set(facts["needed"])
        found = [package for package in facts["packages"] if package["name"] not in hidden]
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=each["name"], version=each["version"]) for each in found]
        )

    @serve.answered
    async def About(self, request: language_pb2.AboutRequest) -> language_pb2.AboutResponse:
        """Return the program's Python."""
        python = _interpreter(request.info)
        facts = await self._facts(python)
        return language_pb2.AboutResponse(
            executable=facts["executable"], version=facts["version"], metadata={"toolchain": python.toolchain}
        )

    @serve.answered
    async def RuntimeOptionsPrompts(
        self, _request: language_pb2.RuntimeOptionsRequest
    ) -> language_pb2.RuntimeOptionsResponse:
        """Ask nothing: every option has a default."""
        return language_pb2.RuntimeOptionsResponse()

    @serve.answered
    async def Run(self, request: language_pb2.RunRequest) -> language_pb2.RunResponse:
        """Run a program to its end; what it prints goes straight to the engine."""
        python = _interpreter(request.info)
        words = [python.path, self._executor, *_arguments(request, self._engine_address)]
        config = {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        code = await self._programs.run(*words, env=python.environment(os.environ) | config)
        if code == BAIL:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"program {ending(code)}" if code else "")

    async def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[language_pb2.RunPluginResponse]:
        """Run a policy pack or another plugin, and yield what it prints and how it ends."""
        try:
            run = self._pack if request.kind == ANALYZER else self._plugin
            async for piece in run(request):
                yield language_pb2.RunPluginResponse(**piece)
        except serve.CallError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))

    async def _plugin(self, request: language_pb2.RunPluginRequest) -> AsyncIterator[dict[str, Any]]:
        folder = Path(request.info.program_directory)
        if not (folder / "__main__.py").exists():
            raise serve.CallError(f"the plugin in {folder} has no __main__.py; this language host runs no other kind")
        python = _interpreter(request.info, plugin=True)
        words = [python.path, "-u", str(folder), *request.args]
        variables = python.environment(_variables(request))
        async with self._programs.piped(*words, env=variables, cwd=request.pwd) as process:
            async for piece in output(process):
                yield piece

    async def _pack(self, request: language_pb2.RunPluginRequest) -> AsyncIterator[dict[str, Any]]:
        """Give the engine a port at once; start the pack when the engine has told of the stack."""
        python, folder = _interpreter(request.info), request.info.program_directory
        words = [python.path, "-u", "-m", "pulumi.policy", *request.args, folder]
        proxy = PolicyProxy()
        try:
            yield {"stdout": f"{await proxy.start()}\n".encode()}
            variables = python.environment({**await proxy.environment(), **_variables(request)})
            async with self._programs.piped(*words, env=variables, cwd=folder) as process:
                await proxy.attach(process.stdout)
                async for piece in output(process):
                    yield piece
        finally:
            await proxy.stop()

    @serve.answered
    async def Cancel(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        """Interrupt what runs."""
        await self.close()
        return empty_pb2.Empty()

    async def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[language_pb2.InstallDependenciesResponse]:
        """Refuse: a program's packages are installed by whoever made its Python."""
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"this language host installs no packages for {request.info.program_directory}; install them with the "
            "program's own Python: python -m pip install -r requirements.txt",
        )
        yield language_pb2.InstallDependenciesResponse()

    async def close(self) -> None:
        """End what runs."""
        await self._programs.stop()

    async def _facts(self, python: Interpreter) -> dict[str, Any]:
        """Ask a Python what it is and has."""
        async with self._programs.piped(python.path, str(FACTS), env=python.environment(os.environ)) as process:
            printed, errors = await process.communicate()
        if process.returncode:
            raise serve.CallError(f"{python.path} could not tell of its packages: {errors.decode(errors='replace')}")
        facts: dict[str, Any] = json.loads(printed)
        return facts


serve.refuse(
    LanguageHost,
    *("GetRequiredPlugins", "Template", "GenerateProgram", "GenerateProject", "GeneratePackage", "Pack", "Link"),
)


def _interpreter(info: language_pb2.ProgramInfo, *, plugin: bool = False) -> Interpreter:
    options = json_format.MessageToDict(info.options)
    return interpreter(options, info.root_directory, info.program_directory, plugin=plugin)


def _variables(request: language_pb2.RunPluginRequest) -> dict[str, str]:
    return dict(line.split("=", 1) for line in request.env)


def _arguments(request: language_pb2.RunRequest, engine_address: str) -> list[str]:
    """Return the executor's command line."""
    options: Mapping[str, str] = {
        "monitor": request.monitor_address,
        "engine": engine_address,
        "project": request.project,
        "root_directory": request.info.root_directory,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": json.dumps(request.dryRun),
        "parallel": str(request.parallel),
        "organization": request.organization,
    }
    words = [word for name, value in options.items() if value for word in (f"--{name}", value)]
    return [*words, request.info.entry_point, *request.args]


def _dependency(package: Mapping[str, Any]) -> plugin_pb2.PackageDependency:
    said = package["plugin"]
    number = said.get("version") or package["version"]
    return plugin_pb2.PackageDependency(
        name=said.get("name") or package["name"].removeprefix("pulumi-"),
        kind="resource",
        version="v" + number.removeprefix("v"),
        server=said.get("server", ""),
    )


def executor(given: str) -> str:
    """Return the SDK's executor: as given, or beside this program, or on the PATH."""
    beside = Path(sys.argv[0]).absolute().with_name(EXECUTOR)
    found = given or (str(beside) if beside.exists() else shutil.which(EXECUTOR))
    if not found or not Path(found).exists():
        sys.exit(f"{EXECUTOR} is neither beside {sys.argv[0]} nor on the PATH; lay the Pulumi SDK's one there")
    return found


async def program() -> None:
    """Serve until the engine is done."""
    given = serve.arguments()
    host = LanguageHost(executor(given.use_executor), given.engine)
    await serve.serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), host.close, given.engine
    )


if __name__ == "__main__":
    serve.main(program())
