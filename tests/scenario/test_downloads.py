# SPDX-License-Identifier: Apache-2.0
"""A model to take away: its weights in every format, read as other programs read them, and its
card, whose figures are compared with the results."""

import ast
import hashlib
import io
import json
import struct
import unittest

from harness import Scenario, changed, read_csv, read_spec, deal, stratified, write_csv
from harness import Client, csv_text
from voice import VECTOR, choir, play

try:
    import numpy
except ImportError:
    numpy = None

MLP = changed(read_spec("iris"), kind="mlp", hidden=[5, 7])


def read_npy(data):
    """NEP 1, version 1.0; the numbers as a tuple."""
    if data[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError(data[:8])
    length, = struct.unpack_from("<H", data, 8)
    if (10 + length) % 64 or data[9 + length] != 0x0a:
        raise ValueError("the header is not padded as it should be")
    head = ast.literal_eval(data[10:10 + length].decode("latin1"))
    if (head["descr"], head["fortran_order"]) != ("<f4", False):
        raise ValueError(head)
    if 10 + length + 4 * head["shape"][0] != len(data):
        raise ValueError("the file has another length")
    return struct.unpack_from(f"<{head['shape'][0]}f", data, 10 + length)


def read_safetensors(data):
    """Names, shapes and numbers, as the format's page says, with all that it forbids."""
    size, = struct.unpack_from("<Q", data)
    if size % 8 or data[8:9] != b"{":
        raise ValueError("the header does not begin and end where it should")
    head = json.loads(data[8:8 + size])
    about, found, at = head.pop("__metadata__"), {}, 0
    for name, tensor in sorted(head.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = tensor["data_offsets"]
        count = 1
        for side in tensor["shape"]:
            count *= side
        if tensor["dtype"] != "F32" or first != at or last != first + 4 * count:
            raise ValueError((name, tensor))
        found[name] = (tensor["shape"],
                       struct.unpack_from(f"<{count}f", data, 8 + size + first))
        at = last
    if 8 + size + at != len(data) or not all(isinstance(v, str) for v in about.values()):
        raise ValueError("there is more, or less, than the header says")
    return about, found


def layers_of(raw, widths):
    """docs/spec.md: row by row, then the biases."""
    numbers, at, layers = struct.unpack(f"<{len(raw) // 4}f", raw), 0, []
    for inputs, outputs in zip(widths, widths[1:]):
        weight = numbers[at:at + inputs * outputs]
        at += inputs * outputs
        layers.append((weight, numbers[at:at + outputs]))
        at += outputs
    assert at == len(numbers)
    return layers


class Weights(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.make_model("mlp", MLP)
        cls.raw = cls.server.weights("mlp")

    def fetch(self, kind, model="mlp", more="", **options):
        return self.server.get(f"/models/{model}/weights?format={kind}{more}", **options)

    def test_raw(self):
        plain = self.server.get("/models/mlp/weights").must(200)
        self.assertEqual(self.fetch("raw").must(200).body, plain.body)
        self.assertNotIn("Content-Disposition", plain.headers)
        self.fetch("pickle").refused("bad-value", 400)
        self.fetch("npy", "nothing").refused("not-found", 404)
        self.fetch("npy", more="&round=7").refused("not-found", 404)

    def test_npy(self):
        got = self.fetch("npy").must(200)
        self.assertEqual(got.headers["Content-Disposition"], 'attachment; filename="mlp-0.npy"')
        self.assertIsNone(got.headers["X-Chorus-Sha256"])
        numbers = read_npy(got.body)
        self.assertEqual(struct.pack(f"<{len(numbers)}f", *numbers), self.raw)

    @unittest.skipUnless(numpy, "NumPy is not here")
    def test_npy_by_numpy(self):
        array = numpy.load(io.BytesIO(self.fetch("npy").body), allow_pickle=False)
        self.assertEqual((array.dtype, array.tobytes()), (numpy.dtype("<f4"), self.raw))

    def test_safetensors(self):
        about, found = read_safetensors(self.fetch("safetensors").must(200).body)
        model = self.server.get("/models/mlp").json
        self.assertEqual(about, {"format": "pt", "model": "mlp", "round": "0",
                                 "spec": model["spec"],
                                 "sha256": hashlib.sha256(self.raw).hexdigest()})
        widths, wanted = [4, 5, 7, 3], {}
        for i, (weight, bias) in enumerate(layers_of(self.raw, widths)):
            wanted[f"layers.{i}.weight"] = ([widths[i + 1], widths[i]], weight)
            wanted[f"layers.{i}.bias"] = ([widths[i + 1]], bias)
        self.assertEqual(found, wanted)

    def test_json(self):
        got = self.fetch("json").must(200)
        self.assertEqual(got.headers["Content-Type"], "application/json")
        o, widths = got.json, [4, 5, 7, 3]
        self.assertEqual((o["model"], o["round"], o["d"]), ("mlp", 0, len(self.raw) // 4))
        for layer, (weight, bias) in zip(o["layers"], layers_of(self.raw, widths), strict=True):
            self.assertEqual(len({len(row) for row in layer["weight"]}), 1)
            flat = [v for row in layer["weight"] for v in row]
            for mine, theirs in ((flat, weight), (layer["bias"], bias)):
                self.assertEqual(struct.pack(f"<{len(mine)}f", *mine),
                                 struct.pack(f"<{len(theirs)}f", *theirs), "not the same bits")

    def test_large_and_in_parts(self):
        """More than a chunk: the head joins what is streamed, also in ranges across it."""
        d = 1_000_001
        self.server.make_model("large", {**VECTOR, "dimension": d})
        raw = self.server.weights("large")
        for kind in ("npy", "safetensors"):
            whole = self.fetch(kind, "large").must(200)
            self.assertTrue(whole.body.endswith(raw))
            head, size = len(whole.body) - len(raw), len(whole.body)
            tag = whole.headers["ETag"]
            for first, last in ((0, 9), (head - 3, head + 3), (head, head + 9), (5, size - 1),
                                (head + 983_030, head + 983_050), (size - 4, size - 1)):
                part = self.fetch(kind, "large", headers={
                    "Range": f"bytes={first}-{last}", "If-Range": tag}).must(206)
                self.assertEqual(part.body, whole.body[first:last + 1], (kind, first, last))
                self.assertEqual(part.headers["Content-Range"], f"bytes {first}-{last}/{size}")
            late = self.fetch(kind, "large", headers={"Range": f"bytes={size}-"})
            late.refused("range-not-satisfiable", 416)
            self.assertEqual(late.headers["Content-Range"], f"bytes */{size}")
            again = self.fetch(kind, "large", headers={"If-None-Match": tag})
            self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(len(read_npy(self.fetch("npy", "large").body)), d)
        _, found = read_safetensors(self.fetch("safetensors", "large").body)
        self.assertEqual(found["vector"][0], [d])
        self.fetch("json", "large").refused("bad-value", 400)

    def test_tags_differ(self):
        tags = {self.fetch(kind).headers["ETag"] for kind in ("raw", "npy", "safetensors",
                                                              "json")}
        self.assertEqual(len(tags), 4)

    def test_of_a_round(self):
        voices = choir(self.server, self.slug(), 3)
        play(voices, self.server.open_round(voices[0].model))
        model = voices[0].model
        one = self.server.weights(model, 1)
        self.assertNotEqual(one, self.server.weights(model, 0))
        got = self.fetch("npy", model, "&round=1").must(200)
        self.assertTrue(got.body.endswith(one))
        self.assertIn("immutable", got.headers["Cache-Control"])
        self.assertIn(f"{model}-1.npy", got.headers["Content-Disposition"])
        newest = self.fetch("npy", model).must(200)
        self.assertEqual(newest.body, got.body)
        self.assertNotIn("immutable", newest.headers["Cache-Control"])
        self.assertEqual(read_safetensors(self.fetch("safetensors", model).body)[0]["round"],
                         "1")
        vector = self.fetch("json", model).json["vector"]
        self.assertEqual(struct.pack(f"<{len(vector)}f", *vector), one)


class Card(Scenario):
    """Three lenders on German credit, two rounds, with groups."""
    LIMIT = 120

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server, spec = cls.server, changed(read_spec("german_credit"), holdout=True,
                                           cohort={"minimum": 3})
        cls.spec = spec
        server.make_model("credit", spec)
        head, rows = read_csv("german_credit")
        parts, rest = deal(stratified(rows, head.index(spec["target"]["name"]), 7), [150] * 3)
        server.admin("PUT", "/models/credit/holdout", raw=csv_text(head, rest[:200]).encode(),
                     kind="text/csv").must(200)
        members = []
        for i, (link, part) in enumerate(zip(server.invite("credit", 3), parts)):
            client = Client(cls.folder, f"lender{i}")
            client.enrol(link)
            data = write_csv(f"{cls.folder}/{i}.csv", head, part)
            members.append(client.participate("credit", data, rounds=2))
        server.admin("PUT", "/models/credit/schedule",
                     {"every": 0, "rounds": 2, "target": None}).must(200)
        cls.results = server.wait_results("credit", 2, 90)
        for member in members:
            member.wait(30)

    def card(self, accept=None):
        return self.server.get("/models/credit/card",
                               headers={"Accept": accept} if accept else None).must(200)

    def test_json(self):
        card = self.card("application/json").json
        for name in ("name", "purpose", "consent", "kind", "training"):
            self.assertEqual(card[name], self.spec[name])
        self.assertEqual(card["inputs"], [f["name"] for f in self.spec["features"]])
        self.assertEqual(card["target"], {"name": self.spec["target"]["name"],
                                          "values": self.spec["target"]["values"]})
        model = self.server.get("/models/credit").json
        self.assertEqual(card["parameters"], model["d"])
        self.assertEqual(card["policy"]["spec"], model["spec"])
        self.assertEqual(card["policy"]["cohort"], self.spec["cohort"])
        self.assertEqual(card["policy"]["deadlines"], self.spec["deadlines"])
        self.assertEqual(card["policy"]["privacy"]["clip"], self.spec["quantisation"]["clip"])
        self.assertEqual(card["rounds"], {"results": 2, "failed": 0, "least": 3, "most": 3,
                                          "newest": {"round": 2,
                                                     "model": self.results[1]["model"]}})
        for mine, result in zip(card["results"], self.results, strict=True):
            self.assertEqual((mine["round"], mine["organisations"]), (result["round"], 3))
            self.assertEqual(mine["rows"], result["totals"]["evaluated"])
            self.assertAlmostEqual(mine["accuracy"], result["accuracy"])
            self.assertAlmostEqual(mine["loss"], result["loss"], 5)
        self.assertEqual(card["holdout"]["rows"], 200)
        self.assertEqual(len(card["limits"]), 4)
        self.assertNotIn("registry", card)

    def test_fairness(self):
        fairness = self.card("application/json").json["fairness"]
        self.assertEqual(fairness["positive"], self.spec["positive"])
        found = []
        for group in fairness["groups"]:
            counts = self.results[1]["groups"][group["name"]]
            tp, fn = counts["true_positive"], counts["false_negative"]
            fp, tn = counts["false_positive"], counts["true_negative"]
            self.assertEqual(group["rows"], tp + fn + fp + tn)
            self.assertAlmostEqual(group["found"], tp / (tp + fn))
            self.assertAlmostEqual(group["wrongly"], fp / (fp + tn))
            self.assertAlmostEqual(group["right"], (tp + tn) / group["rows"])
            found.append(group["found"])
        self.assertEqual({g["name"] for g in fairness["groups"]},
                         {g["name"] for g in self.spec["groups"]})
        self.assertAlmostEqual(fairness["gaps"]["found"], max(found) - min(found))

    def test_markdown(self):
        got = self.card()
        self.assertTrue(got.headers["Content-Type"].startswith("text/markdown"))
        page, card = got.body.decode(), self.card("application/json").json
        for text in (self.spec["name"], self.spec["purpose"], self.spec["consent"],
                     "2 with a result, 0 failed attempts", "## Under which rules", "## Limits",
                     "On 200 rows that the coordinator holds", "## How it treats each group"):
            self.assertIn(text, page)
        gap = f"{100 * card['fairness']['gaps']['found']:.1f} percentage points"
        self.assertIn(gap, page)
        for accept in ("*/*", "text/html, */*", "text/markdown, application/json"):
            self.assertEqual(self.card(accept).body.decode(), page)

    def test_before_there_is_a_result(self):
        self.server.make_model("young", read_spec("iris"))
        self.server.make_model("plain", VECTOR)
        for model in ("young", "plain"):
            path = f"/models/{model}/card"
            page = self.server.get(path).must(200).body.decode()
            self.assertIn("0 with a result, 0 failed attempts", page)
            card = self.server.get(path, headers={"Accept": "application/json"}).json
            self.assertEqual((card["results"], card["fairness"], card["holdout"]),
                             ([], None, None))
        self.server.get("/models/nothing/card").refused("not-found", 404)
