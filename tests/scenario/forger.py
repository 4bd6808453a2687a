# SPDX-License-Identifier: Apache-2.0
"""A proxy with a second log: signed with the coordinator's own key, every proof in order, but
not the history that others are shown."""

import json
import re
import struct
import urllib.parse

import ledger
import stranger
from harness import Api, Reply
from proxy import Proxy


def consistency_path(hashes, first, whole=True):
    """RFC 6962, 2.1.2."""
    if first == len(hashes):
        return [] if whole else [stranger.root_of_hashes(hashes)]
    split = stranger.split_at(len(hashes))
    if first <= split:
        return [*consistency_path(hashes[:split], first, whole),
                stranger.root_of_hashes(hashes[split:])]
    return [*consistency_path(hashes[split:], first - split, False),
            stranger.root_of_hashes(hashes[:split])]


def text(body):
    return Reply(200, {"Content-Type": "text/plain; charset=utf-8"}, body)


class Forger(Proxy):
    """Passes everything on until it is told to lie.

    held     a note: the newest checkpoint that is admitted; the rest is served as it is
    forge()  another history from then on
    hidden   hashes of events that are said to be in no log yet
    spoil    {pattern of a path: function(body) → body}
    """

    def __init__(self, upstream, key):
        super().__init__(upstream)
        self.log = ledger.log_key(Api(upstream))
        self.signer = ledger.Signer(self.log.name, key.public, 1, key.secret)
        self.held, self.forged, self.hidden, self.spoil = None, None, set(), {}

    def newest(self):
        return ledger.checkpoint(Api(self.upstream), self.log)

    def forge(self, at, entry):
        """The history in which leaf `at` (from the end, if negative) is another entry."""
        head = self.newest()
        entries = ledger.entries(Api(self.upstream), head.size)
        entries[at] = entry
        self.forged = entries
        return head

    def note(self):
        root = ledger.Roots(map(ledger.leaf, self.forged)).at(len(self.forged))
        body = f"{self.log.name}\n{len(self.forged)}\n{stranger.enbase64(root)}\n"
        return body + "\n" + self.signer.line(body)

    # ---- what is answered here

    def before(self, request):
        url = urllib.parse.urlsplit(request.path)
        where = url.path.partition("/api/v1/log/")[2]
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        if where == "checkpoint" and self.held:
            return text(self.held.encode())
        if where.startswith("events/") and where[7:] in self.hidden:
            event = json.loads(self.forward(request).must().body)["event"]
            return self.json(leaf=None, event=event)
        if self.forged and where:
            return self.lie(where, query)
        return None

    @staticmethod
    def json(**document):
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    def lie(self, where, query):
        hashes = [ledger.leaf(entry) for entry in self.forged]
        if where == "checkpoint":
            return text(self.note().encode())
        if where == "proofs/consistency":
            first, second = int(query["from"]), int(query["to"])
            path = consistency_path(hashes[:second], first)
            return self.json(path=[h.hex() for h in path], **{"from": first, "to": second})
        if where == "proofs/inclusion":
            leaf, size = int(query["leaf"]), int(query["size"])
            path = stranger.merkle_path(hashes[:size], leaf)
            return self.json(leaf=leaf, size=size, path=[h.hex() for h in path])
        found = re.fullmatch(r"tile/(\w+)/(\d{3})(?:\.p/(\d+))?", where)
        if not found:
            return None
        first, width = 256 * int(found[2]), int(found[3] or 256)
        if found[1] == "entries":
            part = self.forged[first:first + width]
            return Reply(200, {}, b"".join(struct.pack(">H", len(e)) + e for e in part))
        span = 256 ** int(found[1])
        return Reply(200, {}, b"".join(
            stranger.root_of_hashes(hashes[i * span:(i + 1) * span])
            for i in range(first, first + width)))

    def after(self, request, reply):
        for pattern, alter in self.spoil.items():
            if reply.status == 200 and re.search(pattern, request.path):
                return Reply(200, reply.headers, alter(reply.body))
        return reply
