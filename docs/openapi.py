#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes of docs/openapi.yaml what chorusd serves.

  openapi.py YAML --json    the same document as JSON
  openapi.py YAML --c       both as tables of C, with their SHA-256
"""
import hashlib
import json
import sys

import yaml


def as_json(text):
    """Keys are text in JSON, so numbers that are keys must be quoted in the YAML already."""
    def check(value, where):
        if isinstance(value, dict):
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise SystemExit(f"openapi.py: the key {key!r} of {where} is no text")
                check(inner, f"{where}/{key}")
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                check(inner, f"{where}/{index}")
    document = yaml.safe_load(text)
    check(document, "")
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def table(name, text):
    data = text.encode()
    rows = [", ".join(map(str, data[at:at + 20])) for at in range(0, len(data), 20)]
    return (f"const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "};\n"
            f"const size_t {name}_len = {len(data)};\n"
            f'const char {name}_hash[] = "{hashlib.sha256(data).hexdigest()}";\n')


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        text = source.read()
    if sys.argv[2] == "--json":
        print(as_json(text))
        return
    print("/* Made by docs/openapi.py. */\n"
          '#include "server/openapi.h"\n')
    print(table("openapi_yaml_text", text))
    print(table("openapi_json_text", as_json(text)))


if __name__ == "__main__":
    main()
