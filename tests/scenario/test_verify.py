# SPDX-License-Identifier: Apache-2.0
"""Rounds as a stranger checks them: `chorus verify` over HTTP and over an archive, in full,
in part, and the whole history; and what it says when something does not hold."""

import io
import json
import os
import tarfile
import time

import stranger
from harness import Client, Scenario, changed, deal, read_csv, read_spec, tail, until, write_csv
from voice import VECTOR, all_join, all_share, all_unmask, all_upload, choir, play

LONG = {"join": 120, "share": 120, "upload": 120, "unmask": 120}
SPEC = changed(VECTOR, deadlines=LONG)

#: What an honest round with a result always has something of.
ALWAYS = {"checkpoint", "transcript", "form", "signature", "context", "link", "unique", "inclusion",
          "order", "seen", "version", "spec", "terms", "base", "state", "base-served", "roster",
          "graph", "deals", "sharers", "survivors", "answers", "secrets", "manifests", "vectors",
          "chunks", "sum", "sum-served", "bounds", "totals", "model", "model-served"}
WITHOUT_VECTORS = {"vectors", "chunks", "sum"}


class Audits(Scenario):
    """Runs `chorus` as somebody who has nothing but the instance's hash."""

    LIMIT = 90

    def chorus(self, *words, home="nobody", code=0):
        """The lines it says as JSON; the exit code must be this one."""
        done = Client(self.folder, home).run(*words, "--json")
        self.assertEqual(done.code, code, tail(done.out + done.err))
        return [json.loads(line) for line in done.out.splitlines()]

    def verify(self, *words, code=0):
        instance = stranger.event_hash(self.server.instance()).hex()
        return self.chorus("verify", *words, "--server", self.server.origin, "--instance", instance,
                           code=code)

    def reports(self, said):
        return [line for line in said if line["event"] == "audit"]

    def outcomes(self, report):
        return {check["check"]: check["outcome"] for check in report["checks"]}

    def checked(self, report, name):
        return {check["check"]: check["checked"] for check in report["checks"]}.get(name, 0)

    def holds(self, report, but=()):
        """Everything is checked and holds, but for what can't be."""
        self.assertEqual(report["findings"], [])
        outcomes = self.outcomes(report)
        self.assertEqual({c for c, o in outcomes.items() if o == "not-checked"}, set(but))
        if not report["failed"]:
            self.assertLessEqual(ALWAYS - set(but), {c for c, o in outcomes.items() if o == "holds"})

    def found(self, said):
        return {finding["check"] for report in self.reports(said) for finding in report["findings"]}

    def sql(self, text):
        return self.server.database.query(text)

    def end_phase(self, ctx):
        self.sql(f"UPDATE rounds SET deadline = clock_timestamp() WHERE ctx = '\\x{ctx}'")

    def members_of(self, path):
        with tarfile.open(path) as archive:
            return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}


class ThreePeople(Audits):
    """Two rounds of Iris with the chorus program."""

    MODEL = "iris"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        spec = changed(read_spec("iris"), server={"kind": "fedadam", "rate": "0.1", "beta1": "0.9",
                                                  "beta2": "0.99", "epsilon": "0.001"},
                       reward={"scheme": "samples", "budget": "1000"})
        cls.server.make_model(cls.MODEL, spec)
        head, rows = read_csv("iris")
        parts, _ = deal(rows[::4], (10, 10, 10))
        cls.people = []
        for i, link in enumerate(cls.server.invite(cls.MODEL, 3)):
            one = Client(cls.folder, f"garden {i}")
            one.enrol(link)
            data = write_csv(os.path.join(cls.folder, f"garden-{i}.csv"), head, parts[i])
            one.running = one.participate(cls.MODEL, data, rounds=2)
            cls.people.append(one)
        for number in (1, 2):
            cls.server.open_round(cls.MODEL)
            cls.server.wait_results(cls.MODEL, number, 40)
        for one in cls.people:
            one.running.wait(30)


class Iris(ThreePeople):
    def test_in_full(self):
        report, last = self.verify(self.MODEL)
        self.holds(report)
        self.assertEqual((report["round"], report["attempt"], report["mode"]), (2, 1, "full"))
        self.assertEqual((last["outcome"], last["rounds"], last["findings"]), ("holds", 1, 0))
        self.assertEqual(self.checked(report, "rewards"), 3)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "nobody")))
        again, _ = self.verify(report["ctx"])
        self.assertEqual(again, report)
        first, _ = self.verify(self.MODEL, "--round", "1")
        self.assertEqual(first["round"], 1)

    def test_in_words(self):
        done = Client(self.folder, "nobody").run("verify", self.MODEL, "--server", self.server.origin)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("Round 2 of iris, attempt 1: everything that was checked holds.", done.out)
        self.assertRegex(done.out, "holds +chunks +3 +Every chunk of a vector")

    def test_in_part(self):
        report, _ = self.verify(self.MODEL, "--light", "1")
        self.holds(report)
        self.assertEqual((report["mode"], self.checked(report, "deals")), ("light", 1))
        done = Client(self.folder, "nobody").run("verify", self.MODEL, "--server",
                                                 self.server.origin, "--light", "1")
        self.assertIn("drawn at random; the others were not looked at", done.out)

    def test_the_whole_history(self):
        said = self.verify("--all")
        log, one, two = self.reports(said)
        self.assertEqual(log["findings"], [])
        self.assertEqual(self.checked(log, "root"), log["log"]["size"])
        for name in ("admissions", "versions", "attempts", "lineage"):
            self.assertEqual(self.outcomes(log)[name], "holds", name)
        for report, number in ((one, 1), (two, 2)):
            self.holds(report)
            self.assertEqual(report["round"], number)

    def test_as_a_member(self):
        """Without naming the server; the checkpoint is kept."""
        home = self.people[0].home
        report, _ = self.chorus("verify", self.MODEL, home="garden 0")
        self.holds(report)
        kept = [name for _, _, names in os.walk(os.path.join(home, "logs")) for name in names]
        self.assertIn("checkpoint", kept)

    def test_what_is_misused(self):
        for words in ((), ("Iris!",), ("--all", self.MODEL), (self.MODEL, "--light", "0")):
            self.verify(*words, code=2)
        self.verify("no-such-model", code=1)
        self.verify("0" * 64, code=1)
        other = "11" * 32
        said = self.chorus("verify", self.MODEL, "--server", self.server.origin, "--instance", other,
                           code=12)
        self.assertEqual(said[-1]["error"], "cheat-key")
        self.chorus("verify", self.MODEL, "--server", "http://127.0.0.1:1", "--patience", "0", code=14)


class Archive(ThreePeople):
    """The same two rounds in one file."""

    def export(self, name, *words, code=0):
        path = self.path(name)
        return path, self.chorus("export", self.MODEL, "--out", path, "--server", self.server.origin,
                                 *words, code=code)

    def test_with_vectors_and_without_a_server(self):
        path, said = self.export("all.tar.gz", "--with-vectors")
        online = self.reports(said)
        for report in online:
            self.holds(report)
        self.server.stop()
        try:
            offline = self.chorus("verify", "--archive", path)
            third = self.chorus("verify", self.MODEL, "--round", "2", "--archive", path)
        finally:
            self.server.start()
        self.assertEqual(self.reports(offline), online)
        self.assertEqual(self.reports(third), online[1:])
        held = self.members_of(path)
        self.assertEqual(json.loads(held["report.json"]), online)

    def test_without_vectors(self):
        path, said = self.export("small.tar.gz")
        for report in self.reports(said):
            self.holds(report)
        for report in self.reports(self.chorus("verify", "--archive", path)):
            self.holds(report, but=WITHOUT_VECTORS)
        self.assertFalse([name for name in self.members_of(path) if "/chunks/" in name])

    def test_its_pages(self):
        path, _ = self.export("pages.tar.gz")
        held = self.members_of(path)
        card = held["model-card.md"].decode()
        spec = read_spec("iris")
        for text in (spec["name"], spec["purpose"], spec["consent"],
                     "2 with a result, 0 failed attempts", "organisations in a sum | 3 to 3"):
            self.assertIn(text, card)
        self.assertRegex(card, r"\| 2 \| 3 \| 30 \| \d+\.\d % \|")
        policy = json.loads(held["policy.json"])
        self.assertEqual(policy["rewards"], {"scheme": "samples", "budget": "1000"})
        self.assertEqual(policy["cohort"], spec["cohort"])
        self.assertIn("everything that was checked holds", held["report.txt"].decode())
        self.assertIn(stranger.event_hash(self.server.instance()).hex(), held["README.txt"].decode())
        again, _ = self.export("again.tar.gz")
        self.assertEqual(set(self.members_of(again)), set(held))

    def rewrite(self, path, name, change):
        """The same archive with one more file, or one that is different."""
        bent = self.path("bent.tar.gz")
        files = self.members_of(path)
        files[name] = change(files.get(name))
        with tarfile.open(bent, "w:gz") as archive:
            for member, data in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return bent

    def test_a_bent_archive(self):
        path, _ = self.export("bend.tar.gz", "--with-vectors")
        chunk = next(name for name in self.members_of(path) if "/chunks/" in name)

        def flip(data):
            return bytes([data[0] ^ 1]) + data[1:]
        said = self.chorus("verify", "--archive", self.rewrite(path, chunk, flip), code=12)
        self.assertEqual(self.found(said), {"chunks"})
        for name in ("../outside", "api/v1/../../outside", "/tmp/outside"):
            bent = self.rewrite(path, name, lambda _: b"x")
            said = self.chorus("verify", "--archive", bent, code=1)
            self.assertEqual(said[-1]["error"], "bad-value")
        said = self.chorus("verify", "--archive", path, "--instance", "22" * 32, code=12)
        self.assertEqual(said[-1]["error"], "cheat-key")
        with open(self.path("none.tar.gz"), "wb") as out:
            out.write(b"nothing of the kind")
        self.chorus("verify", "--archive", self.path("none.tar.gz"), code=1)
        self.chorus("verify", "--archive", self.path("not-there"), code=1)


class Rounds(Audits):
    """Rounds of voices, in which things happen."""

    def choir(self, count, **changes):
        return choir(self.server, self.slug(), count, changed(SPEC, **changes))

    def test_large_vectors_and_a_dropout(self):
        voices = self.choir(5, dimension=600_000)
        ctx, here = self.server.open_round(voices[0].model), voices[1:]
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        voices[0].announce(ctx).must(201)  # and no chunks
        all_upload(here, ctx)
        self.end_phase(ctx)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        report, _ = self.verify(ctx, "--threads", "3")
        self.holds(report)
        self.assertEqual([self.checked(report, c) for c in ("vectors", "chunks", "sum")], [4, 12, 3])
        report, _ = self.verify(ctx, "--light", "2")
        self.holds(report)
        self.assertEqual([self.checked(report, c) for c in ("vectors", "chunks", "sum", "deals")],
                         [4, 8, 2, 2])

    def test_attempts_that_failed(self):
        """In joining, in sharing, in uploading; the fourth succeeds."""
        voices = self.choir(4)
        model = voices[0].model
        first = self.server.open_round(model)
        all_join(voices[:2], first)
        self.server.admin("POST", f"/rounds/{first}/cancel", {}).must(200)
        second = self.server.open_round(model)
        all_join(voices, second)
        all_share(voices[:2], second)
        self.end_phase(second)
        self.server.wait_phase(second, "failed")
        third = self.server.open_round(model)
        all_join(voices, third)
        all_share(voices, third)
        all_upload(voices[:2], third)
        self.end_phase(third)
        self.server.wait_phase(third, "failed")
        self.assertEqual(self.verify(model)[-1]["rounds"], 3)
        fourth = self.server.open_round(model)
        play(voices, fourth)
        *attempts, last = self.reports(self.verify(model))
        self.holds(last)
        for number, report in enumerate(attempts, 1):
            self.holds(report)
            self.assertEqual((report["attempt"], report["failed"]), (number, True))
            self.assertEqual(self.outcomes(report)["failure"], "holds")
        self.assertEqual(self.checked(attempts[2], "manifests"), 2)
        log, *rounds = self.reports(self.verify("--all"))
        for report in (log, *rounds):
            self.assertEqual(report["findings"], [])

    def test_complaints(self):
        """A bad box, and one that was complained about in vain: both are named by evidence."""
        voices = self.choir(9)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        self.server.wait_phase(ctx, "share")
        bad, liar, other = voices[:3]
        indices = [voice.look(ctx).index for voice in (bad, liar, other)]
        bad.deal(ctx, spoil=indices[1:])
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        part = liar.open_boxes(ctx)
        part.bad = sorted([*part.bad, indices[2]])
        del part.held[indices[2]]
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        report, _ = self.verify(ctx)
        self.holds(report)
        self.assertEqual([self.checked(report, c) for c in ("complaints", "named")], [3, 2])

    def test_vectors_that_were_erased(self):
        """After the window the sum can't be made again; everything else can."""
        voices = self.choir(3, audit={"audience": "public", "window": 3})
        ctx = self.server.open_round(voices[0].model)
        play(voices, ctx)
        until(lambda: any(item["event"]["type"] == "retention" and item["leaf"] is not None
                          for item in self.server.get(f"/rounds/{ctx}/transcript").json["items"]),
              30, "the vectors are erased")
        report, last = self.verify(ctx)
        self.holds(report, but=WITHOUT_VECTORS)
        self.assertEqual(self.outcomes(report)["retention"], "holds")
        self.assertEqual(last["outcome"], "holds")

    def test_vectors_for_members_only(self):
        slug = self.slug()
        voices = choir(self.server, slug, 3, changed(SPEC, audit={"audience": "members",
                                                                  "window": 3600}))
        member = Client(self.folder, "a member")
        member.enrol(self.server.invite(slug, 1)[0])
        ctx = self.server.open_round(slug)
        all_join(voices, ctx)
        self.end_phase(ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        self.holds(self.verify(ctx)[0], but=WITHOUT_VECTORS)
        self.holds(self.chorus("verify", slug, home="a member")[0])


class Lost(Audits):
    def test_a_vector_that_is_lost(self):
        """Within the window."""
        voices = choir(self.server, self.slug(), 3, SPEC)
        ctx = self.server.open_round(voices[0].model)
        play(voices, ctx)
        self.sql("DELETE FROM blob_chunks WHERE blob = (SELECT blob FROM updates WHERE ctx = "
                 f"'\\x{ctx}' AND member = 1)")
        said = self.verify(ctx, "--patience", "1", code=12)
        self.assertEqual(self.found(said), {"vectors"})
        self.assertEqual(said[-1]["error"], "audit-failed")


class ForMembersOnly(Audits):
    """A model that its members see, and nobody else: with the chorus program alone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for slug in ("secret", "open"):
            cls.server.make_model(slug, changed(read_spec("iris"), cohort={"minimum": 3}))
        cls.server.admin("PUT", "/models/secret/visibility", {"visibility": "members"}).must()
        head, rows = read_csv("iris")
        parts, _ = deal(rows[::4], (10, 10, 10))
        cls.people = [Client(cls.folder, f"garden {i}") for i in range(3)]
        for i, (one, link) in enumerate(zip(cls.people, cls.server.invite("secret", 3))):
            one.enrol(link)
            data = write_csv(os.path.join(cls.folder, f"garden-{i}.csv"), head, parts[i])
            one.running = one.participate("secret", data)
        Client(cls.folder, "outside").enrol(cls.server.invite("open", 1)[0])
        cls.ctx = cls.server.open_round("secret")
        cls.codes = [one.running.wait(40) for one in cls.people]

    def listed(self, home, *words):
        return [m["model"] for m in self.chorus("models", *words, home=home)]

    def test_its_members_train_it(self):
        self.assertEqual(self.codes, [0, 0, 0], tail(self.people[0].running.output()))
        self.assertEqual(self.server.admin("GET", f"/rounds/{self.ctx}").must().json["phase"], "done")

    def test_its_members_read_it(self):
        for words in ((), ("--server", self.server.origin), ("--server", self.server.origin + "/")):
            self.assertEqual(self.listed("garden 0", *words), ["open", "secret"])
        self.assertEqual(self.chorus("status", home="garden 1")[0]["state"]["phase"], "done")
        for words in (("secret",), (self.ctx,), ("--all",)):
            said = self.chorus("verify", *words, home="garden 2")
            self.assertEqual(said[-1]["outcome"], "holds")
            self.assertGreater(said[-1]["rounds"], 0)
        for report in self.reports(said)[1:]:
            self.holds(report)
        self.chorus("weights", "secret", "--out", self.path("weights.npy"), home="garden 1")
        archive = self.path("secret.tar")
        self.chorus("export", "secret", "--out", archive, "--with-vectors", home="garden 0")
        self.holds(self.chorus("verify", "--archive", archive)[0])

    def test_nobody_else_does(self):
        at = ("--server", self.server.origin)
        for home in ("nobody", "outside"):
            self.assertEqual(self.listed(home, *at), ["open"])
            for words in (("verify", "secret"), ("verify", self.ctx),
                          ("export", "secret", "--out", self.path("none.tar")),
                          ("weights", "secret", "--out", self.path("none.npy"))):
                said = self.chorus(*words, *at, home=home, code=1)
                self.assertEqual(said[-1]["error"], "not-found", said)
        self.assertFalse([n for n in os.listdir(self.folder) if n.startswith("none")])

    def test_the_rest_is_checked_all_the_same(self):
        """What is in the log and is not shown is named; it does not count as checked."""
        for home in ("nobody", "outside"):
            said = self.chorus("verify", "--all", "--server", self.server.origin, home=home, code=1)
            log, hidden, last, error = said
            self.assertEqual(log["outcome"], "holds")
            self.assertEqual((hidden["event"], hidden["ctx"], hidden["model"], hidden["round"]),
                             ("hidden", self.ctx, "secret", 1))
            self.assertEqual(last, {"event": "verified", "outcome": "incomplete", "rounds": 0,
                                    "hidden": 1, "findings": 0})
            self.assertEqual(error["error"], "not-found")
            self.assertIn("1 of the rounds in the log is not shown to you", error["detail"])

    def test_only_where_one_was_invited(self):
        """Under another address nothing is signed: it might be another's, who could use it."""
        other = self.server.origin.replace("127.0.0.1", "localhost")
        self.assertEqual(self.listed("garden 0", "--server", other), ["open"])

    def test_a_link_opens_a_session(self):
        links = set()
        for words in ((), (), ("--server", self.server.origin)):  # more than one in a second
            said = Client(self.folder, "garden 0").run("login", *words).ok().out.splitlines()
            links.add(said[0])
            self.assertIn("it logs you in once, until", said[1])
        self.assertEqual(len(links), 3)
        said = self.chorus("login", home="garden 0")[0]
        self.assertAlmostEqual(said["expires_at"], time.time() + 300, delta=20)
        address, _, code = said["link"].partition("/#login=")
        self.assertEqual(address, self.server.origin)
        opened = self.server.post("/session", {"link": code}).must(201)
        cookie = {"Cookie": opened.headers["Set-Cookie"].partition(";")[0]}
        me = self.server.get("/me", headers=cookie).must().json
        self.assertEqual((me["name"], me["models"]), ("garden 0", ["secret"]))
        self.assertEqual(self.server.get("/models/secret", headers=cookie).status, 200)
        self.server.post("/session", {"link": code}).refused("bad-invite", 403)

    def test_no_link(self):
        said = self.chorus("login", home="nobody", code=15)[0]
        self.assertEqual(said["error"], "not-enrolled")
        said = self.chorus("login", "--server", "http://127.0.0.1:1", home="garden 0", code=15)[0]
        self.assertEqual(said["error"], "not-enrolled")
        self.sql("UPDATE participants SET login_time = 9e9::bigint")
        said = self.chorus("login", home="garden 1", code=1)[0]
        self.assertEqual((said["error"], said["field"]), ("conflict", "time"))
        self.sql("UPDATE participants SET login_time = 0")
