#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes chorus.postman_collection.json: a folder a noun, each case with its assertions and
words. The cases are in cases.py; a test says when the file is not what they make.

  collection.py           writes it
  collection.py --check   compares, and looks for routes without a good and a bad case
"""
import json
import os
import re
import sys

import cases

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "chorus.postman_collection.json")
ABOUT = """Every address of a Chorus server, with good and bad cases.

To run it against a server of your own: import this file and chorus.postman_environment.json,
set `baseUrl` and `adminToken` (`chorusd admin create postman`), and run the folders in order.
What only a participant's key can sign is skipped while its variable is empty;
`tests/scenario/test_api.py` fills all of them and runs the collection with newman.

It makes users and models. Do not run it against a server that matters."""


def script(kind, lines):
    return {"listen": kind, "script": {"type": "text/javascript", "exec": lines}}


def assertions(case):
    lines = [f"pm.test({json.dumps(case.title())}, function () {{",
             f"    pm.response.to.have.status({case.status});"]
    if case.slug:
        lines += ['    pm.expect(pm.response.headers.get("Content-Type"))'
                  '.to.eql("application/problem+json");',
                  "    const problem = pm.response.json();",
                  f'    pm.expect(problem.type).to.eql("urn:chorus:error:{case.slug}");',
                  f"    pm.expect(problem.status).to.eql({case.status});",
                  "    pm.expect(problem.title).to.be.a(\"string\").and.not.empty;",
                  "    pm.expect(problem.help).to.be.a(\"string\").and.not.empty;"]
    if case.field:
        lines.append(f"    pm.expect(problem.field).to.eql({json.dumps(case.field)});")
    if any("json" in check for check in case.checks):
        lines.append("    const json = pm.response.json();")
    lines += [f"    pm.expect({check}, {json.dumps(check)}).to.be.true;"
              for check in case.checks]
    lines.append("});")
    lines += [f'pm.environment.set("{name}", pm.response.json().{path});'
              for name, path in case.keep.items()]
    return lines + case.after


def before(case):
    needed = sorted(set(re.findall(r"\{\{(\w+)\}\}", json.dumps([case.path, case.body])))
                    | set(case.needs))
    needed = [name for name in needed if name in cases.GIVEN]
    lines = [f'if (!pm.environment.get("{name}")) {{ pm.execution.skipRequest(); }}'
             for name in needed]
    lines += [f'if (pm.environment.get("{name}")) {{ pm.execution.skipRequest(); }}'
              for name in case.without]
    return lines + case.before


def url(path):
    plain, _, query = path.partition("?")
    base = "" if path == "/metrics" else "/api/v1"
    out = {"raw": "{{baseUrl}}" + base + path, "host": ["{{baseUrl}}"],
           "path": (base + plain).strip("/").split("/")}
    if query:
        out["query"] = [dict(zip(("key", "value"), pair.split("=", 1), strict=True))
                        for pair in query.split("&")]
    return out


def body(case):
    if case.file:
        return {"mode": "file", "file": {"src": case.file}}
    text = case.body if isinstance(case.body, str) else json.dumps(case.body, indent=2)
    language = "json" if case.media == "application/json" else "text"
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": language}}}


def request(case):
    headers = dict(case.headers)
    if case.who in ("admin", "viewer"):
        headers["Authorization"] = "Bearer {{%sToken}}" % case.who
    elif case.who == "participant":
        headers["Authorization"] = "{{participantAuth}}"
    elif case.who == "session":
        headers["X-Chorus-Csrf"] = "{{csrf}}"
    out = {"method": case.method, "header": [{"key": k, "value": v} for k, v in headers.items()],
           "url": url(case.path), "description": case.words}
    if case.body is not None or case.file:
        out["header"].append({"key": "Content-Type", "value": case.media})
        out["body"] = body(case)
    return out


def item(case):
    events = [script("test", assertions(case))]
    if before(case):
        events.insert(0, script("prerequest", before(case)))
    return {"name": case.name, "event": events, "request": request(case), "response": []}


def collection():
    return {
        "info": {"_postman_id": "6f2d1c1e-5c0e-4d0a-9a53-0c0a7c1d6b10", "name": "Chorus",
                 "description": ABOUT, "schema":
                 "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "item": [{"name": name, "description": words, "item": [item(c) for c in inside]}
                 for name, words, inside in cases.folders()]}


def uncovered(table):
    """Routes without a case that succeeds, or without one that is refused."""
    wrong = []
    for route in table:
        pattern = re.sub(r"\{\w+\*\}", ".+", route["pattern"].removeprefix("/api/v1"))
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", pattern) + r"(\?.*)?")
        mine = [c for _, _, inside in cases.folders() for c in inside
                if c.method == route["method"] and pattern.fullmatch(c.path)]
        name = f"{route['method']} {route['pattern']}"
        if not any(c.status < 400 for c in mine) and name not in cases.STREAMS:
            wrong.append(f"{name}: no good case")
        if not any(c.status >= 400 for c in mine) and name not in cases.NEVER_REFUSED:
            wrong.append(f"{name}: no bad case")
    return wrong


def main():
    text = json.dumps(collection(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] != ["--check"]:
        with open(FILE, "w", encoding="utf-8") as out:
            out.write(text)
        return 0
    with open(FILE, encoding="utf-8") as source:
        if source.read() != text:
            print("tests/api/chorus.postman_collection.json is not what cases.py makes: "
                  "run tests/api/collection.py")
            return 1
    wrong = uncovered(json.load(sys.stdin))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
