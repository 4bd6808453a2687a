#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the scenarios: test_*.py in this folder, each class in a process of its own, three at a
time. One line per scenario; the last line says how many passed and failed.

  run_all.py --build DIR --db CONNINFO [--soak] [--only NAME] [--jobs N] [--list]
"""

import argparse
import glob
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import harness  # noqa: E402


def found(only, soak, sanitized):
    """The classes as module.Class, with the names of their tests. SOAK: only in long runs.
    OURS = False: runs none of the programs under test, so a sanitizer has nothing to say.
    SANITIZED = False: what it runs of them others run too; with a sanitizer in long runs only."""
    groups = []
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, case in vars(module).items():
            if (not isinstance(case, type) or not issubclass(case, harness.Scenario)
                    or case.__module__ != module.__name__):
                continue
            if getattr(case, "SOAK", False) and not soak:
                continue
            if sanitized and not getattr(case, "OURS", True):
                continue
            if sanitized and not soak and not getattr(case, "SANITIZED", True):
                continue
            tests = [t for t in unittest.TestLoader().getTestCaseNames(case)
                     if only in f"{module.__name__}.{name}.{t}"]
            if tests:
                groups.append((getattr(case, "WEIGHT", 1), module.__name__, name, tests))
    return sorted(groups, key=lambda group: -group[0])


# ---------------------------------------------------------------- in a process of its own

class Alarm:
    """Ends a test that takes too long."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        signal.signal(signal.SIGALRM, self.ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def ring(self, number, frame):
        raise harness.Timeout(f"the test takes longer than {self.seconds:g} s")

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)


class Lines(unittest.TestResult):
    """Tells one line of JSON per test."""

    def startTest(self, test):
        super().startTest(test)
        self.begun, self.trouble = time.monotonic(), []

    def _outcome(self, err):
        self.trouble.append("".join(traceback.format_exception(*err)))

    def addError(self, test, err):
        super().addError(test, err)
        if not hasattr(test, "_testMethodName"):  # setUpClass
            tell(test=str(test), outcome="failed", seconds=0,
                 why="".join(traceback.format_exception(*err)))
            return
        self._outcome(err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._outcome(err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._outcome(err)
            self.trouble[-1] = f"{subtest}\n{self.trouble[-1]}"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skipped_why = reason

    def stopTest(self, test):
        super().stopTest(test)
        skipped = self.__dict__.pop("skipped_why", None)
        outcome = "failed" if self.trouble else "skipped" if skipped else "passed"
        server = getattr(test, "server", None)
        logs = ""
        if self.trouble and server:
            logs = "".join(f"\n--- {name}\n{harness.tail(text, 14)}"
                           for name, text in server.logs() if text)
        tell(test=test.id(), outcome=outcome, seconds=time.monotonic() - self.begun,
             why="\n".join(self.trouble) + logs or skipped or "")


def tell(**line):
    print(json.dumps(line), flush=True)


def work(name, tests):
    """What a child does: the given tests of one class."""
    module, _, case = name.rpartition(".")
    case = getattr(importlib.import_module(module), case)
    harness.end_on_signals()
    limit = case.LIMIT * harness.Settings.slow

    def bounded(function):
        def run(self):
            with Alarm(limit):
                function(self)
        return run
    for test in tests:
        setattr(case, test, bounded(getattr(case, test)))
    unittest.TestSuite([unittest.TestSuite(case(test) for test in tests)]).run(Lines())


# ---------------------------------------------------------------- the parent

class Runner:
    def __init__(self, options, groups):
        self.options, self.groups = options, groups
        self.lock, self.children = threading.Lock(), []
        self.passed, self.failed, self.stopping = 0, [], False

    def next_group(self):
        with self.lock:
            return self.groups.pop(0) if self.groups and not self.stopping else None

    def loop(self):
        while (group := self.next_group()) is not None:
            self.run(*group[1:])

    def run(self, module, name, tests):
        options, waiting = self.options, set(tests)
        argv = [sys.executable, os.path.abspath(__file__), "--build", options.build, "--db",
                options.db, "--slow", str(options.slow), "--work", f"{module}.{name}", *tests]
        if options.soak:
            argv.append("--soak")
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              cwd=HERE, preexec_fn=harness.die_with_parent) as child:
            self.children.append(child)
            errors = []
            reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
            reader.start()
            for line in child.stdout:
                if line.startswith("{"):
                    told = json.loads(line)
                    waiting.discard(told["test"].rpartition(".")[2])
                    self.report(f"{module}.{name}", told)
                elif line.startswith("#"):
                    print(line.rstrip(), flush=True)
                else:
                    errors.append(line)
            child.wait()
            reader.join()
        if waiting and not self.stopping:
            why = f"{', '.join(sorted(waiting))} did not run (exit code {child.returncode})"
            self.report(f"{module}.{name}", {
                "test": f"{module}.{name}", "outcome": "failed", "seconds": 0,
                "why": why + "\n" + harness.tail("".join(errors), 40)})

    def report(self, group, told):
        with self.lock:
            words = told["test"].rpartition(".")[2].removeprefix("test_").replace("_", " ")
            if told["outcome"] == "failed":
                self.failed.append((told["test"], told["why"]))
            elif told["outcome"] == "passed":
                self.passed += 1
            mark = {"passed": "ok     ", "failed": "FAILED ", "skipped": "skipped"}
            print(f"{mark[told['outcome']]} {told['seconds']:6.1f} s  {group[5:]}: {words}",
                  flush=True)
            if told["why"]:
                print("    " + told["why"].strip().replace("\n", "\n    "), flush=True)

    def finish(self):
        threads = [threading.Thread(target=self.loop) for _ in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            self.stopping = True
            for child in self.children:
                if child.poll() is None:
                    child.terminate()
            for thread in threads:
                thread.join()
            raise
        for test, why in self.failed[:3]:  # again, in short: it may stand far above
            print(f"FAILED  {test}\n" + harness.tail(why, 24))
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 0 if self.passed and not self.failed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=harness.Settings.build)
    parser.add_argument("--db", default=harness.Settings.db)
    parser.add_argument("--soak", action="store_true", help="the long variants too")
    parser.add_argument("--only", default="", help="those whose name holds this")
    parser.add_argument("--jobs", type=int, default=3)  # they mostly wait
    parser.add_argument("--slow", type=float, default=0, help="a factor on every limit")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    sanitized = b"__asan_init" in open(harness_binary(options.build), "rb").read()
    if not options.slow:
        options.slow = 4.0 if sanitized else 1.0
    settings = harness.Settings
    settings.build, settings.db = options.build, options.db
    settings.soak, settings.slow = options.soak, options.slow
    if options.work:
        return work(options.work[0], options.work[1:])
    harness.end_on_signals()
    groups = found(options.only, options.soak, sanitized)
    if options.list:
        for _, module, name, tests in groups:
            print(*(f"{module}.{name}.{test}" for test in tests), sep="\n")
        return 0
    return Runner(options, groups).finish()


def harness_binary(build):
    """A program to look at: was it built with a sanitizer?"""
    path = os.path.join(build, "chorusd")
    return path if os.path.exists(path) else os.devnull


if __name__ == "__main__":
    sys.exit(main())
