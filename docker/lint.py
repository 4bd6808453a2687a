#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at what stands in this folder, without an engine: that files name each other rightly, that
the image keeps its promises (two stages, fixed bases, an unprivileged user), that every service is as
closed as it can be, and that the dashboard asks for figures that the server gives."""
import json
import os
import re
import shutil
import subprocess
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(HERE)
OURS = ("init", "chorusd-1", "chorusd-2")


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as source:
        return source.read()


def dockerfile():
    """Statements as (WORD, rest); lines that go on are joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", read("Dockerfile")))
    words = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    words = [(w[0].upper(), w[1] if len(w) > 1 else "") for w in words]
    stages = [rest.split() for word, rest in words if word == "FROM"]
    yield len(stages) >= 2, "Dockerfile: at least two stages"
    names = {s[2] for s in stages if len(s) == 3}
    for stage in stages:
        base = stage[0]
        yield base in names or re.search(r":[\w.-]+$", base) and not base.endswith(":latest"), \
            f"Dockerfile: {base} must have a fixed tag"
    last = {}
    stage = ""
    for word, rest in words:
        if word == "FROM":
            stage = rest.split()[-1]
        last.setdefault(stage, {}).setdefault(word, []).append(rest)
        yield word != "ADD", "Dockerfile: COPY, not ADD"
        yield not (word == "RUN" and re.search(r"\bcurl\b.*\|\s*(ba)?sh|apt-get (?!.*-y)", rest)), \
            f"Dockerfile: RUN {rest[:60]}"
        if word == "COPY" and "--from" not in rest:
            for path in rest.split()[:-1]:
                yield path.startswith("--") or os.path.exists(os.path.join(SOURCE, path)), \
                    f"Dockerfile: there is no {path}"
    user = last.get("chorus", {}).get("USER", ["root"])[-1]
    yield user.split(":")[0] not in ("root", "0"), "Dockerfile: the stage chorus runs as root"
    for secret in re.findall(r"(?i)^\s*(?:ENV|ARG)\s+\S*(?:password|secret|token)\S*", read("Dockerfile"),
                             re.M):
        yield False, f"Dockerfile: a secret in {secret.strip()}"


def compose():
    document = yaml.safe_load(read("compose.yml"))
    secrets, volumes = document["secrets"], document["volumes"]
    for name, service in document["services"].items():
        image = service.get("image", "")
        yield "build" in service or re.search(r":\S+$", image) and not image.endswith(":latest"), \
            f"compose.yml: {name}: {image} must have a fixed tag"
        yield not service.get("privileged") and service.get("network_mode") != "host", \
            f"compose.yml: {name} is privileged"
        for port in service.get("ports", []):
            yield port.startswith("127.0.0.1:"), f"compose.yml: {name}: {port} is open to all"
        for other in service.get("depends_on", []):
            yield other in document["services"], f"compose.yml: {name}: no service {other}"
        for secret in service.get("secrets", []):
            source = secret if isinstance(secret, str) else secret["source"]
            yield source in secrets, f"compose.yml: {name}: no secret {source}"
        for key, value in (service.get("environment") or {}).items():
            hidden = not re.search(r"(?i)password|secret|token", key) or key.endswith("FILE")
            yield hidden, f"compose.yml: {name}: {key} must come from a file"
        for volume in service.get("volumes", []):
            place = volume.split(":")[0]
            there = os.path.exists(os.path.join(HERE, place)) if place.startswith(".") \
                else place in volumes
            yield there, f"compose.yml: {name}: there is no {place}"
    for name in OURS:
        service = document["services"][name]
        yield service.get("read_only") and service.get("cap_drop") == ["ALL"], \
            f"compose.yml: {name} may write to its root, or has capabilities"
    made = read("secrets.sh")
    for name, secret in secrets.items():
        yield os.path.basename(secret["file"]) in made, f"compose.yml: secrets.sh makes no {name}"


def dashboard():
    names = set()
    for panel in json.loads(read("grafana-dashboard.json"))["panels"]:
        for target in panel.get("targets", []):
            names |= set(re.findall(r"\b((?:chorus|process)_[a-z_]+)", target["expr"]))
    yield len(names) > 20, "grafana-dashboard.json: it asks for little"
    served = ""
    for name in ("expose.c", "metrics.c"):
        path = os.path.join(SOURCE, "server", name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as source:
                served += source.read()
    for name in sorted(names if served else ()):
        yield f'"{name}"' in served or re.search(rf"\b{name}[\\{{ ]", served), \
            f"grafana-dashboard.json: the server has no {name}"
    source = yaml.safe_load(read("grafana-source.yml"))["datasources"][0]
    uids = set(re.findall(r'"uid": "([a-z]+)"', read("grafana-dashboard.json")))
    yield source.get("uid") in uids, "grafana-dashboard.json: another data source than grafana-source.yml"


def syntax():
    for name in sorted(os.listdir(HERE)):
        if name.endswith(".yml"):
            yield isinstance(yaml.safe_load(read(name)), dict), f"{name}: is no mapping"
    opened = read("nginx.conf")
    yield opened.count("{") == opened.count("}"), "nginx.conf: a bracket is missing"
    if not shutil.which("systemd-analyze"):
        return
    for unit in (n for n in os.listdir(HERE) if n.endswith(".service")):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20",
                               os.path.join(HERE, unit)], capture_output=True, text=True, check=False)
        yield done.returncode == 0, f"{unit}: {done.stdout[-300:]}{done.stderr[-300:]}"


def main():
    wrong = [what for part in (dockerfile, compose, dashboard, syntax) for good, what in part()
             if not good]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
