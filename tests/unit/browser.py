"""A browser of the Chromium family, driven over its own debugging pipe: no driver, no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FOUND = os.environ.get("UNDERLAY_BROWSER") or next((path for name in NAMES if (path := shutil.which(name))), "")
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


class Browser:
    """One page of a browser."""

    def __init__(self, to: IO[bytes], back: IO[bytes]) -> None:
        """Open an empty page."""
        self._to, self._back, self._number, self._session = to, back, 0, ""
        self.asked: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Network"):
            self._call(f"{part}.enable")

    def open(self, file: Path, scheme: str = "light", width: int = 1280) -> None:
        """Open a file and wait until it is loaded."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Page.navigate", url=file.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """Return what an expression of the page comes to."""
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

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
        text = b""
        while (letter := self._back.read(1)) != END:
            assert letter, "the browser has ended"
            text += letter
        message: dict[str, Any] = json.loads(text)
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.append(message["params"]["request"]["url"])
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Yield a browser; it ends with the test."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    words = ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{back_write}', FOUND, *FLAGS, f"--user-data-dir={profile}"]
    with (profile.parent / "browser.log").open("wb") as log:
        running = subprocess.Popen(words, pass_fds=(to_read, back_write), stdout=log, stderr=log)
    os.close(to_read)
    os.close(back_write)
    try:
        with os.fdopen(to_write, "wb") as to, os.fdopen(back_read, "rb") as back:
            yield Browser(to, back)
    finally:
        running.kill()
        running.wait()
