"""A real Chromium without a window, driven through chromedriver by the WebDriver protocol, which is JSON over HTTP."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-unsafe-swiftshader --force-device-scale-factor=1"
).split()


def installed():
    """Tell whether there is a Chromium to test in."""
    return bool(shutil.which("chromedriver") and (shutil.which("chromium") or shutil.which("google-chrome")))


class Browser:
    """One browser with one page; a context manager."""

    def __init__(self, profile: Path, width=1280, height=800, flags=()):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.driver = subprocess.Popen(
            [shutil.which("chromedriver"), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.session = ""
        options = {
            "binary": shutil.which("chromium") or shutil.which("google-chrome"),
            "args": [*FLAGS, *flags, f"--user-data-dir={profile}", f"--window-size={width},{height}"],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        try:
            self._wait_until(self._listens, 20)
            found = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self.session = f"/session/{found['sessionId']}"
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End the browser and its driver."""
        try:
            if self.session:
                self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()

    def call(self, method, path, body=None):
        """Send one command and return its value."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + self.session + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(json.load(error)["value"]["message"]) from None

    def _listens(self):
        assert self.driver.poll() is None, "chromedriver ended"
        try:
            return self.call("GET", "/status")["ready"]
        except urllib.error.URLError:
            return False

    def _wait_until(self, condition, seconds):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"{condition} did not become true in {seconds} s")
            time.sleep(0.02)

    def run(self, script, *arguments):
        """Run JavaScript in the page and return its value."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def open(self, file: Path):
        """Load a page from a file and return the seconds until it is ready."""
        start = time.monotonic()
        self.call("POST", "/url", {"url": file.as_uri()})
        state = self._wait_until(lambda: self.run("return document.documentElement.dataset.ready"), 60)
        assert state == "yes", self.run("return document.getElementById('message').textContent")
        self.frame()
        return time.monotonic() - start

    def frame(self):
        """Wait until what was asked for is drawn."""
        script = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))"
        self.call("POST", "/execute/async", {"script": script, "args": []})

    def text(self, name):
        """Return the text that is shown in an element."""
        return self.run("return document.getElementById(arguments[0]).innerText", name)

    def mouse(self, *steps):
        """Move the mouse to (x, y) and press or lift it: ``(x, y)``, ``"down"``, ``"up"``."""
        actions = []
        for step in steps:
            if isinstance(step, str):
                actions.append({"type": f"pointer{step.title()}", "button": 0})
            else:
                x, y = (round(v) for v in step)
                actions.append({"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": "viewport"})
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.call("POST", "/actions", {"actions": [pointer]})
        self.frame()

    def wheel(self, x, y, amount):
        """Turn the wheel at a point."""
        turn = {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": amount, "duration": 0, "origin": "viewport"}
        self.call("POST", "/actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [turn]}]})
        self.frame()

    def keys(self, *values):
        """Press keys one after the other."""
        actions = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})
        self.frame()

    def element(self, selector):
        """Return the handle of one element."""
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        return next(iter(found.values()))

    def click(self, selector):
        """Click an element."""
        self.call("POST", f"/element/{self.element(selector)}/click", {})
        self.frame()

    def slide(self, name, value):
        """Set a slider as a person would: the value, then its input event."""
        script = "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input'))"
        self.run(script, name, value)
        self.frame()

    def screenshot(self) -> bytes:
        """Return the page as PNG."""
        return base64.b64decode(self.call("GET", "/screenshot"))

    def log(self, kind):
        """Return the entries of a log since the last call."""
        return self.call("POST", "/se/log", {"type": kind})
