#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes spec.json, init.json and optimiser.json from docs/spec.md alone: Python's floats
are IEEE doubles, struct packs them, and the openssl command is the AES. Run it in this
folder; the files are checked in, so that the tests need neither."""
import hashlib
import json
import math
import pathlib
import random
import struct
import subprocess

here = pathlib.Path(__file__).parent
NAMES = ["iris", "breast_cancer", "german_credit", "digits"]


def canonical(spec):
    return json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def layers(spec):
    if spec["kind"] == "vector":
        return []
    width = sum(len(f.get("values", [0])) for f in spec["features"])
    sizes = [width] + spec.get("hidden", []) + [len(spec["target"].get("values", [0]))]
    return list(zip(sizes, sizes[1:]))


def dimension(spec):
    return sum(i * o + o for i, o in layers(spec))


def tail(spec):
    room = (2 ** (spec["ring_bits"] - 1) - 1) // spec["cohort"]["maximum"]
    count = min(10**6, room)
    entries = [["weight", "", spec["quantisation"]["weight_cap"]]]
    entries += [["loss", "1000", min(10**9, room)]]
    entries += [["correct", "", count], ["evaluated", "", count]]
    for group in spec.get("groups", []):
        for kind in ["evaluated", "true_positive", "false_positive", "true_negative",
                     "false_negative"]:
            entries.append([kind, group["name"], count])
    return entries


def prg(key, length):
    run = subprocess.run(["openssl", "enc", "-aes-256-ctr", "-K", key.hex(), "-iv", "00" * 16],
                         input=bytes(length), capture_output=True, check=True)
    return run.stdout


def initial(spec, spec_hash):
    if spec["kind"] != "mlp":
        return bytes(4 * dimension(spec))
    key = hashlib.sha256(b"chorus/v1/init\n" + spec_hash).digest()
    stream = prg(key, 4 * dimension(spec))
    out, at = b"", 0
    for inputs, outputs in layers(spec):
        bound = math.sqrt(6.0 / inputs)
        for _ in range(inputs * outputs):
            u = struct.unpack_from("<I", stream, 4 * at)[0]
            out += struct.pack("<f", (2.0 * (u / 4294967296.0) - 1.0) * bound)
            at += 1
        out += bytes(4 * outputs)
        at += outputs
    return out


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def sign(x):
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0


def move(c, state, i, s, weight_sum):
    """What is added to weight i; its state is replaced."""
    q = float(2 ** (c["bits"] - 1) - 1)
    scale = q / float(c["range"])
    divisor = scale * float(weight_sum)
    rate = float(c["rate"])
    mean = float(s) / divisor
    if c["kind"] == "fedavg":
        return rate * mean
    if c["kind"] == "fedavgm":
        v = float(c["momentum"]) * state[i] + mean
        state[i] = v
        return rate * v
    b1, b2, tau = (float(c[k]) for k in ("beta1", "beta2", "epsilon"))
    m, v = state[2 * i], state[2 * i + 1]
    square = mean * mean
    m = b1 * m + (1.0 - b1) * mean
    if c["kind"] == "fedadam":
        v = b2 * v + (1.0 - b2) * square
    else:
        v = v - ((1.0 - b2) * square) * sign(v - square)
    state[2 * i], state[2 * i + 1] = m, v
    return (rate * m) / (math.sqrt(v) + tau)


def knife_edge(x):
    """A float32 base for which base + x lies exactly between two float32 numbers, so that
    another order of operations, one unit in the last place of x away, shows; or None."""
    f = f32(x)
    bits = struct.unpack("<i", struct.pack("<f", f))[0]
    for offset in random.Random(x).sample(range(-3, 3), 6):
        low, high = struct.unpack("<2f", struct.pack("<2i", bits + offset, bits + offset + 1))
        base = (low + high) / 2 - x
        if f32(base) == base and base + x == (low + high) / 2:
            return base
    return None


def first_step(c, rnd, n, width, total, most):
    """Weights, state and sums; from the fourth coordinate on every weight is on a knife
    edge."""
    weights, sums = [0.0, -0.0, f32(rnd.gauss(0, 0.3))], [0, most, -most]
    state = [0.0] * (3 * width)
    while len(weights) < n:
        s = rnd.randrange(-most // 4, most // 4)
        old = [rnd.gauss(0, 0.1), rnd.expovariate(100)][:width]
        base = knife_edge(move(c, [0.0] * (width * len(weights)) + old, len(weights), s, total))
        if base is not None:
            weights.append(base)
            sums.append(s)
            state += old
    return weights, state, sums


def optimiser_cases():
    rnd = random.Random(2020)
    adaptive = {"rate": "0.03", "beta1": "0.9", "beta2": "0.99", "epsilon": "0.001"}
    kinds = [
        {"kind": "fedavg", "rate": "1", "bits": 16, "range": "0.5"},
        {"kind": "fedavg", "rate": "0.7", "bits": 31, "range": "3.3"},
        {"kind": "fedavgm", "rate": "0.1", "momentum": "0.9", "bits": 16, "range": "0.5"},
        {"kind": "fedadam", **adaptive, "bits": 16, "range": "0.5"},
        {"kind": "fedyogi", **adaptive, "bits": 16, "range": "0.5"},
    ]
    widths = {"fedavg": 0, "fedavgm": 1, "fedadam": 2, "fedyogi": 2}
    for c in kinds:
        n, width = 48, widths[c["kind"]]
        q = 2 ** (c["bits"] - 1) - 1
        total = rnd.randrange(3, 20000)
        weights, state, sums = first_step(c, rnd, n, width, total, total * q)
        c["count"] = n
        c["weights"] = struct.pack(f"<{n}f", *weights).hex()
        c["state"] = struct.pack(f"<{len(state)}d", *state).hex()
        c["steps"] = []
        for _ in range(2):
            for i, s in enumerate(sums):
                weights[i] = f32(weights[i] + move(c, state, i, s, total))
            c["steps"].append({
                "sum": sums,
                "weight_sum": total,
                "weights": struct.pack(f"<{n}f", *weights).hex(),
                "state": struct.pack(f"<{len(state)}d", *state).hex(),
            })
            total = rnd.randrange(3, 20000)
            sums = [rnd.randrange(-total * q, total * q) for _ in range(n)]
    return kinds


def main():
    specs, inits = {}, {}
    for name in NAMES:
        spec = json.loads((here / f"../data/{name}.spec.json").read_text("utf-8"))
        text = canonical(spec)
        digest = hashlib.sha256(text.encode()).digest()
        weights = initial(spec, digest)
        specs[name] = {"hash": digest.hex(), "d": dimension(spec), "tail": tail(spec),
                       "canonical": text}
        inits[name] = {"sha256": hashlib.sha256(weights).hexdigest(),
                       "first": weights[:8].hex()}
    for name, value in [("spec", specs), ("init", inits), ("optimiser", optimiser_cases())]:
        (here / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")


main()
