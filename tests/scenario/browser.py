# SPDX-License-Identifier: Apache-2.0
"""People with browsers: real Chromium, driven by tests/browser/driver.mjs."""

import json
import os
import subprocess
import threading

import harness
from harness import SOURCE, Scenario, Settings, Timeout, temp_folder

SHOTS = os.path.join(SOURCE, "var", "screenshots")


def pages():
    """chorusd's flags that make it serve the pages of this checkout."""
    folder = os.path.join(SOURCE, "build", "pages")
    if not os.path.exists(os.path.join(folder, "index.html")):
        raise FileNotFoundError(f"{folder} is not made: ./dev build")
    return ("--static", folder)


class Browser:
    """`browser.act("FILE.NAME", who="anna", **arguments)` runs NAME of tests/browser/acts/FILE.mjs in that
    person's own window and returns what it returns."""

    def __init__(self, base, folder):
        env = {**os.environ, "SLOW": str(Settings.slow), "HOME": folder,
               "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
        self.log = open(os.path.join(folder, "browser.log"), "wb")  # pylint: disable=consider-using-with
        self.popen = subprocess.Popen(
            ["node", os.path.join(SOURCE, "tests", "browser", "driver.mjs"), base, SHOTS],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=env,
            start_new_session=True, preexec_fn=harness.die_with_parent)
        self.number, self.lock = 0, threading.Lock()
        harness.CLEANUP.add(self.close)

    def act(self, act, who="somebody", limit=120, options=None, **arguments):
        with self.lock:
            self.number += 1
            command = {"id": self.number, "act": act, "who": who, "args": arguments,
                       "options": options}
            self.popen.stdin.write(json.dumps(command) + "\n")
            self.popen.stdin.flush()
            bell = threading.Timer(limit * Settings.slow, self.popen.kill)
            bell.start()
            line = self.popen.stdout.readline()
            bell.cancel()
        if not line:
            with open(self.log.name, encoding="utf-8", errors="replace") as log:
                raise Timeout(f"{act} did not end within {limit * Settings.slow:g} s, or the driver "
                              f"died:\n{harness.tail(log.read(), 12)}")
        said = json.loads(line)
        if "error" in said:
            raise AssertionError(f"{act} ({who}): {said['error']}\nlook at {said['shot']}")
        return said["result"]

    def close(self):
        harness.CLEANUP.forget(self.close)
        if self.popen.poll() is None:
            self.popen.stdin.close()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        self.popen.wait()
        self.log.close()


class Pages(Scenario):
    """A server with its pages, and people with browsers."""

    SANITIZED = False
    LIMIT = 240

    @classmethod
    def setUpClass(cls):
        cls.FLAGS = pages()
        super().setUpClass()
        cls.browser = Browser(cls.server.origin, temp_folder())

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        super().tearDownClass()
