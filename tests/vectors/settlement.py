#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints settlement.json: what rounds pay, from docs/chain.md section 4 and nothing of ours.
Keccak-256, the ABI encoding and OpenZeppelin's tree are written out here."""
import hashlib
import json


# ---- Keccak-256 ----

def rotate(x, n):
    return (x << n | x >> (64 - n)) & (1 << 64) - 1 if n else x


def permute(a):
    r = 1
    for _ in range(24):
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[x - 1] ^ rotate(c[(x + 1) % 5], 1) for x in range(5)]
        a = [[v ^ d[x] for v in a[x]] for x in range(5)]
        x, y, current = 1, 0, a[1][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x][y] = a[x][y], rotate(current, (t + 1) * (t + 2) // 2 % 64)
        a = [[a[x][y] ^ (~a[(x + 1) % 5][y] & a[(x + 2) % 5][y]) for y in range(5)]
             for x in range(5)]
        for j in range(7):
            r = (r << 1 ^ (r >> 7) * 0x171) & 0xff
            if r & 2:
                a[0][0] ^= 1 << (1 << j) - 1
    return a


def keccak(data):
    state = [[0] * 5 for _ in range(5)]
    data += b"\x01" + bytes(-(len(data) + 1) % 136)
    data = data[:-1] + bytes([data[-1] | 0x80])
    for at in range(0, len(data), 136):
        for i in range(17):
            word = data[at + 8 * i:at + 8 * i + 8]
            state[i % 5][i // 5] ^= int.from_bytes(word, "little")
        state = permute(state)
    return b"".join(state[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


assert keccak(b"").hex().startswith("c5d2460186f7233c927e7db2dcc703c0")

# ---- leaves and trees ----


def uint(n):
    return n.to_bytes(32, "big")


def address(text):
    return bytes(12) + bytes.fromhex(text)


def array(words):
    return uint(len(words)) + b"".join(words)


def batch_leaf(kind, model, number, index, first, second):
    """abi.encode of four words and two arrays, hashed twice."""
    head = [keccak(f"chorus/v1/{kind}".encode()), keccak(model.encode()), uint(number),
            uint(index), uint(6 * 32), uint(6 * 32 + 32 + 32 * len(first))]
    return keccak(keccak(b"".join(head) + array(first) + array(second)))


def tree(leaves):
    """The nodes, root first; leaves at the end, the largest first."""
    nodes = [b""] * (len(leaves) - 1) + sorted(leaves, reverse=True)
    for i in reversed(range(len(leaves) - 1)):
        nodes[i] = keccak(b"".join(sorted((nodes[2 * i + 1], nodes[2 * i + 2]))))
    return nodes


# ---- the rules ----

def cut(things, size):
    return [things[i:i + size] for i in range(0, len(things), size)]


def settle(case):
    number, terms = case["round"], case["payout"]
    cumulative = {a: int(n) for a, n in case["before"]}
    payments, after = {}, []
    for a in case["accounts"]:
        balance = int(a["balance"]) + int(a["reward"])
        goes = (number % terms["every"] == 0 and a["payout"] is not None
                and int(a["payout"], 16) != 0 and balance >= int(terms["threshold"])
                and balance > 0)
        if goes:
            payments[a["payout"]] = payments.get(a["payout"], 0) + balance
        after.append([str(0 if goes else balance), str(balance if goes else 0)])
    if terms["mode"] == "claim":
        for account, amount in payments.items():
            cumulative[account] = cumulative.get(account, 0) + amount
        payments = {}
    pays = cut(sorted(payments.items()), 100)
    voters = cut(sorted((m["organisation"], m["payout"]) for m in case["members"]
                        if m["survives"] and not m["named"] and m["payout"] is not None
                        and int(m["payout"], 16) != 0), 50)
    leaves = [batch_leaf("pay", case["model"], number, i, [address(a) for a, _ in b],
                         [uint(n) for _, n in b]) for i, b in enumerate(pays)]
    leaves += [batch_leaf("voice", case["model"], number, i,
                          [bytes.fromhex(o) + bytes(16) for o, _ in b],
                          [address(a) for _, a in b]) for i, b in enumerate(voters)]
    claims = sorted(cumulative.items())
    nodes = tree([keccak(keccak(address(a) + uint(n))) for a, n in claims])
    roots = [t[0].hex() if t else "00" * 32 for t in (tree(leaves), nodes)]
    return {**case, "reward": str(sum(int(a["reward"]) for a in case["accounts"])),
            "after": after, "leaves": [x.hex() for x in leaves], "roots": roots,
            "cumulative": [[a, str(n)] for a, n in claims],
            "claim_nodes": [x.hex() for x in nodes] if len(nodes) < 20 else None}


# ---- cases ----

def label(text, size):
    return hashlib.sha256(text.encode()).digest()[:size].hex()


def person(i, shared):
    """Some without an address, one with zero, some who share one."""
    payout = None if i % 7 == 3 else label(f"address {i % shared}", 20)
    return {"participant": label(f"person {i}", 32), "payout": "00" * 20 if i == 5 else payout}


def case(model, number, people, shared, **terms):
    accounts = [{**person(i, shared), "balance": str(int(label(f"balance {i}", 1 + i % 9), 16)),
                 "reward": "0" if i % 4 == 2 else str(int(label(f"reward {i}", 8), 16))}
                for i in range(people)]
    members = [{**person(i, shared), "organisation": label(f"organisation {i}", 16),
                "survives": i % 11 != 4, "named": i % 13 == 6} for i in range(people)]
    members.sort(key=lambda m: m["participant"])
    before = [[label(f"address {i}", 20), str(10**18 + i)] for i in range(0, shared, 2)] \
        if terms["mode"] == "claim" else []
    return settle({"model": model, "round": number, "payout": terms, "accounts": accounts,
                   "before": before, "members": members})


CASES = [
    case("iris", 1, 3, 3, mode="push", threshold="0", every=1),
    case("iris", 2, 8, 4, mode="push", threshold=str(2**62), every=2),
    case("iris", 3, 8, 4, mode="push", threshold="0", every=2),
    case("german-credit", 12, 9, 5, mode="claim", threshold="0", every=4),
    case("german-credit", 13, 9, 5, mode="claim", threshold="0", every=4),
    case("german-credit", 16, 9, 9, mode="claim", threshold=str(2**63), every=4),
    case("digits", 7, 130, 130, mode="push", threshold="0", every=1),
]
print(json.dumps(CASES, indent=0, sort_keys=True, separators=(",", ":")))
