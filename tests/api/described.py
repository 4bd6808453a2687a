#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares docs/openapi.yaml with the program: every route of `chorusd routes` is described,
with its role, its body and its security, and nothing else is; every slug is one of
src/util/err.h under the status that it has there. And with docs/spec.schema.json."""
import json
import os
import re
import subprocess
import sys

import yaml

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEDIA = {"chunk": "application/octet-stream", "csv": "text/csv", "text": "text/plain"}
ROLES = ["public", "participant", "viewer", "operator", "admin"]
PEOPLE = ROLES[2:]


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as source:
        return source.read()


def route_table(build):
    return json.loads(subprocess.run([os.path.join(build, "chorusd"), "routes"], check=True,
                                     capture_output=True, text=True).stdout)


def statuses():
    """Slug to status, of src/util/err.h."""
    text = read("src/util/err.h").partition("#define ERR_TABLE(X)")[2].partition("enum err {")[0]
    text = re.sub(r"/\*.*?\*/", " ", re.sub(r"\\\n", " ", text))
    return dict(re.findall(r'X\(\w+,\s*"([^"]+)",\s*(\d+),', text))


def address(pattern):
    """As OpenAPI writes it: {path*} takes what is left."""
    return pattern.replace("*}", "}")


def operations(document):
    return {(method.upper(), path): operation for path, item in document["paths"].items()
            for method, operation in item.items() if method != "parameters"}


def resolve(document, value):
    while "$ref" in value:
        found = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value


class Compare:
    def __init__(self, document, table):
        self.document, self.wrong = document, []
        self.described = operations(document)
        self.table = {(r["method"], address(r["pattern"])): r for r in table}
        self.statuses = statuses()

    def expect(self, condition, where, what):
        if not condition:
            self.wrong.append(f"{where}: {what}")

    def run(self):
        for key in sorted(self.table.keys() | self.described.keys()):
            where = " ".join(key)
            if key not in self.described:
                self.wrong.append(f"{where}: is not described")
            elif key not in self.table:
                self.wrong.append(f"{where}: is described, but is no route")
            else:
                self.compare(where, self.table[key], self.described[key])
        names = [o["operationId"] for o in self.described.values()]
        self.expect(len(names) == len(set(names)), "operationId", "occurs twice")
        self.spec()
        return self.wrong

    def compare(self, where, route, operation):
        self.expect(operation.get("x-role") == route["who"], where,
                    f"x-role must be {route['who']}")
        self.parameters(where, route, operation)
        self.body(where, route, operation)
        self.security(where, route, operation)
        self.answers(where, operation)

    def parameters(self, where, route, operation):
        given = [resolve(self.document, p) for p in operation.get("parameters", [])]
        inside = {p["name"] for p in given if p["in"] == "path"}
        wanted = set(re.findall(r"\{(\w+)\*?\}", route["pattern"]))
        self.expect(inside == wanted, where, f"path parameters must be {sorted(wanted)}")
        waits = any(p["name"] == "wait" for p in given)
        self.expect(waits == ("wait" in route["flags"]), where, "wait is or is not a parameter")

    def body(self, where, route, operation):
        kind = next((m for f, m in MEDIA.items() if f in route["flags"]), "application/json")
        body = operation.get("requestBody")
        optional = "body-optional" in route["flags"]
        if not body:
            self.expect(route["body_max"] == 0 or optional, where, "its body is missing")
            return
        self.expect(route["body_max"] > 0, where, "takes no body")
        self.expect(kind in body["content"], where, f"its body must be {kind}")
        self.expect(body.get("required", False) != optional, where, "required is wrong")
        self.expect("413" in operation["responses"], where, "413 is missing")

    def security(self, where, route, operation):
        ways = {" ".join(sorted(way)) for way in operation["security"]}
        reads = route["method"] == "GET"
        wanted = set()
        if route["who"] in PEOPLE:
            wanted = {"session" if reads else "csrf session"}
            # one's own account, and making tokens: in a session only
            if "own" not in route["flags"] and not (route["method"], route["pattern"]) == (
                    "POST", "/api/v1/tokens"):
                wanted.add("token")
        elif route["who"] == "participant" and "member" in route["flags"]:
            wanted = {"session" if reads else "csrf session"}
        elif route["who"] == "participant" and reads:
            wanted = {"participant"}
        elif "caller" in route["flags"]:
            wanted = {"", "participant", "session", "token"}
        self.expect(ways == wanted, where, f"security must be {sorted(wanted)}")

    def answers(self, where, operation):
        answers, slugs = operation["responses"], set()
        self.expect(any(s < "400" for s in answers), where, "a good answer is missing")
        for status, answer in answers.items():
            named = re.findall(r"`([a-z0-9-]+)`", answer.get("description", "")) \
                if status >= "400" else []
            self.expect(status < "400" or status == "431" or named, where, f"{status} names no slug")
            for slug in named:
                slugs.add(slug)
                self.expect(self.statuses.get(slug) == status, where,
                            f"{slug} is not a {status} of src/util/err.h")
        wanted = {"not-found", "internal", "busy", "database", "database-retry"}
        if operation["x-role"] in PEOPLE:
            wanted |= {"unauthenticated", "forbidden"}
        self.expect(wanted <= slugs, where, f"names not {sorted(wanted - slugs)}")

    def spec(self):
        """components.schemas.Spec is docs/spec.schema.json."""
        def convert(value):
            if isinstance(value, dict):
                return {k: v.replace("#/$defs/", "#/components/schemas/Spec_") if k == "$ref"
                        else convert(v) for k, v in value.items()}
            return [convert(v) for v in value] if isinstance(value, list) else value
        schema = json.loads(read("docs/spec.schema.json"))
        schemas = self.document["components"]["schemas"]
        wanted = {f"Spec_{name}": convert(part) for name, part in schema.pop("$defs").items()}
        wanted["Spec"] = convert({k: v for k, v in schema.items() if not k.startswith("$")})
        for name, part in wanted.items():
            self.expect(schemas.get(name) == part, f"components.schemas.{name}",
                        "differs from docs/spec.schema.json")


def self_test(document, table):
    """What is wrong is seen: a route more, a route less, another role, a slug of nothing."""
    first = next(iter(document["paths"]))
    cases = [lambda d, t: t.pop(), lambda d, t: d["paths"].pop(first),
             lambda d, t: t[0].update(who="admin"), lambda d, t: t[0].update(body_max=5),
             lambda d, t: d["paths"][first]["get"]["responses"]["500"].update(
                 description="`nothing`"),
             lambda d, t: d["paths"][first]["get"].update(security=[{"token": []}]),
             lambda d, t: d["components"]["schemas"]["Spec"].pop("required")]
    for number, spoil in enumerate(cases):
        copy = json.loads(json.dumps([document, table]))
        spoil(*copy)
        if not Compare(*copy).run():
            return [f"self-test {number}: nothing was noticed"]
    return []


def main():
    document = yaml.safe_load(read("docs/openapi.yaml"))
    table = route_table(sys.argv[1])
    wrong = Compare(document, table).run() or self_test(document, table)
    print(*wrong, sep="\n")
    print(f"{len(table)} routes, {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
