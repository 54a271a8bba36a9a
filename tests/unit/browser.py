"""A browser of the Chromium family, driven over its own debugging pipe: no driver, no network."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.browser.program import found

FOUND = found()
"""The browser's program; nothing where there is none."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--single-process",
    "--no-zygote",
    "--remote-debugging-pipe",
    "--use-gl=angle",
    "--use-angle=swiftshader",
)
END = b"\0"
COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
LONGEST = 400
"""Letters of a complaint."""
HIGHEST = 6000
"""Pixels of a picture."""


class Browser:
    """One page of a browser."""

    def __init__(self, to: IO[bytes], back: IO[bytes], process: int) -> None:
        """Open an empty page."""
        self._to, self._back, self._number, self._session = to, back, 0, ""
        self._process = process
        self.asked: list[str] = []
        self.complaints: list[str] = []
        """What scripts and the browser itself have said against a page."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{part}.enable")

    def open(self, file: Path, scheme: str = "light", width: int = 1280) -> None:
        """Open a file and wait until it is loaded."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Page.navigate", url=file.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def worked(self) -> float:
        """Return the seconds of processor's time that the browser has used; all of it is one process."""
        fields = Path(f"/proc/{self._process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def value(self, expression: str) -> Any:
        """Return what an expression of the page comes to."""
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self, file: Path) -> None:
        """Write the whole page as a picture."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], HIGHEST), "scale": 1}
        data = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        file.write_bytes(base64.b64decode(data))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        self._to.write(json.dumps(message).encode() + END)
        self._to.flush()
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        text = bytearray()
        while (letter := self._back.read(1)) != END:
            assert letter, "the browser has ended"
            text += letter
        message: dict[str, Any] = json.loads(text)
        self._keep(message.get("method", ""), message.get("params", {}))
        return message

    def _keep(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        if method in COMPLAINTS:
            self.complaints.append(f"{method}: {json.dumps(told)[:LONGEST]}")


@contextmanager
def browser(profile: Path, program: str = FOUND) -> Iterator[Browser]:
    """Yield a browser; it ends with the test."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    words = ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{back_write}', program, *FLAGS]
    words.append(f"--user-data-dir={profile}")
    with (profile.parent / "browser.log").open("wb") as log:
        running = subprocess.Popen(words, pass_fds=(to_read, back_write), stdout=log, stderr=log)
    os.close(to_read)
    os.close(back_write)
    try:
        with os.fdopen(to_write, "wb") as to, os.fdopen(back_read, "rb") as back:
            yield Browser(to, back, running.pid)
    finally:
        running.kill()
        running.wait()
