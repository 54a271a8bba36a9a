"""Print the version a provider plugin states over its protocol: `plugin_version.py PROGRAM`."""

from __future__ import annotations

import subprocess
import sys

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub


def main() -> None:
    """Start the plugin, ask, end it."""
    plugin = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        port = int(plugin.stdout.readline()) if plugin.stdout else 0
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            print(ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=20).version)
    finally:
        plugin.kill()
        plugin.wait()


if __name__ == "__main__":
    main()
