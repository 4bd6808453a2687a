# SPDX-License-Identifier: Apache-2.0
"""What schemathesis does not know of this server: names that exist, so that requests get
further than "not found"; waits, which are kept short; and that a problem's slug must stand in the
description of its status. CHORUS_KNOWN names a JSON file: parameter to values."""
import atexit
import collections
import hashlib
import json
import os
import re
import sys

import schemathesis

with open(os.environ["CHORUS_KNOWN"], encoding="utf-8") as _source:
    KNOWN = json.load(_source)
SEEN = collections.Counter()
SHORT = 0.02  # seconds


def chosen(name, value):
    """Mostly something that exists, the same for the same value."""
    values = KNOWN.get(name)
    draw = hashlib.sha256(f"{name}{value}".encode("utf-8", "replace")).digest()
    return values[draw[1] % len(values)] if values and draw[0] < 170 else value


def known_id(case):
    """{id} is a participant, but for these a number."""
    numbered = re.search(r"/(sessions|tokens|payouts|drafts|webhooks)/\{id\}", case.operation.path)
    return numbered[1] if numbered else "id"


@schemathesis.hook
def before_call(ctx, case, kwargs):
    for name, value in list((case.path_parameters or {}).items()):
        case.path_parameters[name] = chosen(known_id(case) if name == "id" else name, value)
    query = case.query or {}
    if "wait" in query:
        try:
            query["wait"] = min(float(query["wait"]), SHORT)
        except (TypeError, ValueError, OverflowError):
            pass
    for name in ("model", "ctx"):
        if name in query:
            query[name] = chosen(name, query[name])
    if isinstance(case.body, dict) and "model" in case.body and case.method != "POST":
        case.body["model"] = chosen("model", case.body["model"])


@schemathesis.hook
def after_call(ctx, case, response):
    SEEN[response.status_code] += 1


@schemathesis.check
def documented_slug(ctx, response, case):
    """A problem is one of those that this status of this operation names."""
    if response.status_code < 400 or response.status_code in (405, 431):
        return
    slug = response.json()["type"].removeprefix("urn:chorus:error:")
    answer = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    named = re.findall(r"`([a-z0-9-]+)`", answer.get("description", ""))
    assert slug in named, f"{slug} is not documented for {response.status_code}"


@atexit.register
def tell():
    if SEEN:
        print("requests:", sum(SEEN.values()), dict(sorted(SEEN.items())), file=sys.stderr)
