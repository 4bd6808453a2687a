# SPDX-License-Identifier: Apache-2.0
"""The pages that everybody sees, in a real browser over a real server: a round in which somebody
vanishes, curves, contributions, money, votes, and proofs that the page makes itself."""

import os
import secrets
import time

import browser
import chain
from anchored import AnchoredServer, PAID, keccak, keystore, word
from harness import Client, changed, csv_text, deal, read_csv, read_spec, stratified
from harness import temp_folder, until, write_csv
from voice import VECTOR, Voice, all_join, all_share, all_unmask

PASSWORD = "correct horse battery"
WITHIN = 5000  # milliseconds from what happens to what is seen


class Pages(browser.Pages):
    """What everybody does."""

    def act(self, act, who="somebody", /, **arguments):
        return self.browser.act(f"public.{act}", who=who, **arguments)

    def says(self, who, *words, within=WITHIN):
        return self.act("says", who, words=list(words), within=within)["text"]

    def user(self, name, role):
        """Somebody who runs the instance, logged in in a browser of their own."""
        link = self.server.admin("POST", "/users", {"name": name, "role": role}).must(201).json["link"]
        code = link.rpartition("=")[2]
        self.server.post("/setup", {"code": code, "password": PASSWORD}).must(201)
        self.act("login", name, name=name, password=PASSWORD)


def named(server, slug, names, spec):
    """A model of numbers and members with these names."""
    server.make_model(slug, spec)
    return [Voice(server, name).enrol(link)
            for name, link in zip(names, server.invite(slug, len(names)), strict=True)]


class LiveRound(Pages):
    """Five members; one joins late, one vanishes while all upload."""

    NAMES = ("Eastside Credit Union", "Harbour Savings", "Northfield Mutual", "Rio Verde",
             "Sparkasse Mittelfranken")

    def setUp(self):
        self.slug_name = self.slug("lenders")

    def make(self, **deadlines):
        limits = {"join": 120, "share": 120, "upload": 120, "unmask": 120, **deadlines}
        return named(self.server, self.slug_name, self.NAMES,
                     changed(VECTOR, name="Loans", deadlines=limits))

    def onlookers(self, ctx):
        """An administrator, somebody from outside, and one whose streams are held back."""
        if not hasattr(type(self), "admin_there"):
            self.user("ada", "admin")
            self.act("withoutStreams", "polly")
            type(self).admin_there = True
        for who in ("ada", "somebody", "polly"):
            self.act("watch", who, ctx=ctx)
        return ("ada", "somebody", "polly")

    def test_who_is_awaited_is_seen_by_all(self):
        voices = self.make(upload=25)
        ctx = self.server.open_round(self.slug_name)
        people = self.onlookers(ctx)
        self.browser.act("frame.text", who="homer", path="/")
        self.browser.act("frame.text", who="molly", path=f"/models/{self.slug_name}")
        for voice in voices[:4]:
            voice.join(ctx).must(201)
        for who in people:
            self.says(who, "Waiting for Sparkasse Mittelfranken, until",
                      "If they do not come, the round goes on with 4 of 5.")
        self.assertIn("not here yet", self.act("member", name="Sparkasse Mittelfranken"))
        self.assertIn("4 have done this step, awaited: Sparkasse Mittelfranken",
                      self.act("ring"))
        for who in ("homer", "molly"):
            self.says(who, "Waiting for Sparkasse Mittelfranken, until")
        self.act("inspectHere", name="round-join")
        voices[4].join(ctx).must(201)
        self.server.wait_phase(ctx, "share")
        for who in people:
            self.says(who, "Waiting for all 5, until", "0 of 5")
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        for voice in voices[:4]:
            voice.upload(ctx, voice.numbers(ctx, 1))
        for who in people:
            self.says(who, "Waiting for Sparkasse Mittelfranken, until",
                      "If they do not come, the round goes on with 4 of 5.", "4 of 5")
        self.act("inspectHere", "ada", name="round-awaited")
        self.server.wait_phase(ctx, "unmask", limit=40)  # without them
        for who in people:
            self.says(who, "more answers are enough")
        self.assertIn("gone", self.act("member", name="Sparkasse Mittelfranken"))
        all_unmask(voices[:4], ctx)
        self.server.wait_phase(ctx, "done")
        for who in people:
            self.says(who, "Done: the updates of 4 members were added up.")
        for who in ("homer", "molly"):
            self.says(who, "The next round opens when the administrators say so.")
        self.says("somebody", "The result over 4 members was signed", within=10000)
        found = self.act("entries")
        self.assertTrue(all(line["href"].startswith("/log/") for line in found), found)
        self.act("inspectHere", name="round-done")
        self.assertGreater(self.act("blocked", "polly"), 0)

    def test_a_failure_is_told_in_words(self):
        voices = self.make(upload=6)
        ctx = self.server.open_round(self.slug_name)
        people = self.onlookers(ctx)
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        voices[0].upload(ctx, voices[0].numbers(ctx, 1))
        for who in people:
            self.says(who, "If they do not come, this attempt fails: 4 are needed, 1 of 5 are here.")
        self.server.wait_phase(ctx, "failed", limit=30)
        for who in people:
            self.says(who, "Too few members were left.", "open a new attempt",
                      "The model is unchanged")
        self.act("inspectHere", name="round-failed")
        again = self.act("openAgain", "ada")
        self.assertEqual(self.server.state(again)["attempt"], 2)
        self.says("ada", "This is attempt 2")
        self.act("watch", ctx=ctx)
        self.says("somebody", "Go to round 1, attempt 2")

    def test_an_operator_cancels(self):
        self.make()
        ctx = self.server.open_round(self.slug_name)
        self.onlookers(ctx)
        self.act("cancel", "ada")
        for who in ("ada", "somebody", "polly"):
            self.says(who, "cancelled the attempt")
        self.assertNotIn("Cancel the attempt", self.says("somebody", "cancelled the attempt"))

    def test_bytes_as_they_arrive(self):
        names = self.NAMES[:3]
        voices = named(self.server, self.slug_name, names, changed(
            VECTOR, name="Long numbers", dimension=260_000,
            deadlines={"join": 200, "share": 200, "upload": 200, "unmask": 200}))
        ctx = self.server.open_round(self.slug_name)
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        self.act("watch", ctx=ctx)
        voices[0].announce(ctx, voices[0].numbers(ctx, 1)).must()
        voices[0].chunk(ctx, 0).must()
        self.says("somebody", "95% of 1 MB", "uploading")
        voices[0].chunk(ctx, 1).must()
        self.says("somebody", "1 of 3", "uploaded")

    def test_many_are_awaited(self):
        """A hundred are not all named."""
        self.server.make_model(self.slug_name, changed(
            VECTOR, cohort={"minimum": 3, "maximum": 100}, deadlines={"join": 300}))
        voices = [Voice(self.server, f"Member {i:03}").enrol(link) for i, link
                  in enumerate(self.server.invite(self.slug_name, 40))]
        ctx = self.server.open_round(self.slug_name)
        self.act("watch", ctx=ctx)
        for voice in voices[:2]:
            voice.join(ctx).must(201)
        self.says("somebody", "and 35 more, until", "needs at least 3 organisations; 2 have joined")
        self.act("inspectHere", name="round-many")


class Models(Pages):
    """A model that people train: what its page says and what its commands do."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        head, rows = read_csv("german_credit")
        spec = changed(read_spec("german_credit"),
                       deadlines={"join": 60, "share": 60, "upload": 60, "unmask": 60})
        parts, rest = deal(stratified(rows, head.index("credit_risk"), 7), [100, 120, 80])
        cls.server.make_model("german-credit", spec)
        cls.server.call("PUT", "/models/german-credit/holdout", kind="text/csv",
                        raw=csv_text(head, rest).encode(),
                        auth=f"Bearer {cls.server.token}").must(200)
        cls.clients = []
        for i, link in enumerate(cls.server.invite("german-credit", 3)):
            client = Client(cls.folder, f"Credit union {i + 1}")
            client.data = write_csv(os.path.join(cls.folder, f"rows-{i}.csv"), head, parts[i])
            client.enrol(link)
            cls.clients.append(client)
        cls.server.open_round("german-credit")
        cls.server.admin("PUT", "/models/german-credit/schedule",
                         {"every": 1, "rounds": 3, "target": None}).must(200)
        running = [c.participate("german-credit", c.data, rounds=3) for c in cls.clients]
        cls.server.wait_results("german-credit", 3, 120)
        for process in running:
            process.wait(30)
        cls.server.admin("DELETE", "/models/german-credit/schedule").must(204)

    def test_curve_fairness_and_downloads(self):
        said = self.act("model", slug="german-credit", name="model")
        results = self.server.results("german-credit")
        self.assertEqual(len(said["rows"]), 4)  # before the first round, and after each
        self.assertEqual(said["rows"][3][1], f"{100 * results[2]['holdout']['accuracy']:.1f}%")
        self.assertEqual(said["rows"][0][2], f"{100 * results[0]['accuracy']:.1f}%")
        women = results[2]["groups"]["women"]
        right = (women["true_positive"] + women["true_negative"]) / women["evaluated"]
        self.assertIn(f"women: {100 * right:.1f}%", said["bars"])
        self.assertIn("percentage points", said["text"])
        for words in ("From 3 to 20 organisations", "This instance has no chain",
                      "gives the right answer for"):
            self.assertIn(words, said["text"])
        for link in said["links"]:
            self.server.get(link.removeprefix("/api/v1")).must(200)

    def test_the_commands_work_as_they_stand(self):
        said = self.act("model", slug="german-credit", name="model")
        for command in said["commands"]:
            words = command.replace("'", "").split()
            if words[:2] in (["chorus", "weights"], ["chorus", "verify"]):
                stranger = Client(self.folder, f"stranger {secrets.token_hex(4)}")
                if "--out" in words:
                    words[-1] = self.path(words[-1])
                stranger.run(*words[1:], limit=120).ok()

    def test_an_operator_runs_it(self):
        self.server.make_model("spare", changed(VECTOR, name="Spare numbers"))
        self.user("olga", "operator")
        self.act("schedule", "olga", slug="spare", every=30, rounds=5)
        self.assertIsNone(self.server.get("/models/spare").json["schedule"])
        ctx = self.act("openRound", "olga", slug="spare")
        self.assertEqual(self.server.state(ctx)["phase"], "join")
        self.server.admin("POST", f"/rounds/{ctx}/cancel", {}).must(200)
        self.user("rita", "admin")
        self.act("newVersion", "rita", slug="spare", purpose="Sums other numbers.")
        self.assertEqual(self.server.get("/models/spare").json["version"], 2)
        self.assertEqual(self.server.get("/models/spare").json["purpose"], "Sums other numbers.")
        self.act("retire", "rita", slug="spare")
        self.assertEqual(self.server.get("/models/spare").json["status"], "retired")
        self.act("inspectHere", "rita", name="model-retired")

    def test_home(self):
        said = self.browser.act("frame.inspect", path="/", name="home")
        self.assertIn("German Credit", said)
        self.assertIn("% right", said)

    def test_contributions(self):
        said = self.act("leaderboard", query="?model=german-credit", name="leaderboard")
        for client in self.clients:
            self.assertIn(client.name, said["text"])
            self.assertIn(client.name, said["csv"])
        self.assertIn("3 members have contributed.", said["text"])

    def test_ones_own_page_by_link(self):
        client = self.clients[0]
        link = client.run("login").ok().out.split()[0]
        said = self.act("me", "union", link=link, name="me")
        self.assertIn("You contributed to 3 rounds", said)
        self.assertIn("You are paid nowhere yet", said)
        client.run("payout", "0x" + "11" * 20).ok()
        said = self.act("me", "union", name="me-payout")
        self.assertIn("Another address was named. It counts from", said)
        self.assertIn("stand in the log as you signed them", self.act("proveMine", "union"))
        self.act("hideName", "union")
        until(lambda: client.name not in self.act("leaderboard", "stranger")["text"], 10,
              "the name is hidden")

    def test_receipts(self):
        client = self.clients[1]
        link = client.run("login").ok().out.split()[0]
        self.act("me", "second", link=link)
        home = os.path.join(client.home, "rounds")
        files = [os.path.join(folder, name) for folder, _, names in os.walk(home)
                 for name in names if name.endswith(".json")]
        kept = self.act("receipts", "second", files=files)
        self.assertTrue(kept)
        self.assertTrue(all("kept" in line for line in kept), kept)

    def test_nothing_shifts(self):
        ctx = self.server.get("/models/german-credit").json["current"]
        for i, path in enumerate(("/", "/models/german-credit", f"/rounds/{ctx}", "/log", "/log/5",
                                  "/leaderboard", "/governance")):
            with self.subTest(path=path):
                self.browser.act("frame.firstView", who=f"first {i}", path=path)

    def test_by_keyboard(self):
        ctx = self.server.get("/models/german-credit").json["current"]
        for path, wanted in ((f"/rounds/{ctx}", "See the model"),
                             ("/models/german-credit", "NumPy"), ("/log/5", "Check this"),
                             ("/leaderboard", "Save as CSV")):
            reached = self.act("reach", path=path)
            self.assertTrue(any(wanted in stop for stop in reached), (path, reached))

    def test_words_are_there_in_both_languages(self):
        who = self.server.get("/log/entries?limit=50").json["entries"]
        member = next(e["event"]["participant"] for e in who if e["event"]["type"] == "enroll")
        ctx = self.server.get("/models/german-credit").json["current"]
        paths = ["/", "/models/german-credit", f"/rounds/{ctx}", "/leaderboard", "/me", "/log",
                 "/log/3", "/governance", f"/participants/{member}"]
        for language in ("en", "de"):
            self.assertEqual(self.act("words", f"reader-{language}", paths=paths,
                                      language=language), [])
        said = self.browser.act("frame.inspect", who="reader-de", path="/models/german-credit",
                                name="model-german")
        self.assertIn("Wie gut es lernt", said)
        self.browser.act("frame.inspect", path=f"/participants/{member}", name="participant")


class Proofs(Pages):
    """The page proves an entry; whatever is changed on its way is named."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        voices = named(cls.server, "numbers", ["Anna", "Berta", "Clara"], VECTOR)
        cls.ctx = cls.server.open_round("numbers")
        voices[0].look_at_log()
        all_join(voices, cls.ctx)
        cls.server.wait_phase(cls.ctx, "share")
        cls.server.admin("POST", f"/rounds/{cls.ctx}/cancel").must(200)  # so that the log rests

        def logged():
            found = cls.server.get(f"/log/entries?ctx={cls.ctx}").json["entries"]
            return found if found and found[-1]["event"]["type"] == "failed" else None
        cls.entry = next(e for e in until(logged, 10, "all is in the log")
                         if e["event"]["type"] == "join"
                         and e["event"]["participant"] == voices[0].id)

    def check(self, who, **arguments):
        return self.act("check", who, leaf=self.entry["leaf"], **arguments)

    def test_an_honest_entry(self):
        said = self.check("anna", name="entry")
        self.assertEqual(set(said["outcomes"].values()), {"holds", "skipped"})
        self.assertEqual(said["path"], 1)
        again = self.check("anna")
        self.assertEqual(set(again["outcomes"].values()), {"holds"})
        self.assertIn("is the beginning of this one", again["text"])

    def test_every_tampering_is_named(self):
        event = self.entry["event"]
        other = ("0" if event["mask_key"][0] != "0" else "1") + event["mask_key"][1:]
        entry = {"path": "/log/entries", "from": event["mask_key"], "to": other}
        said = self.check("bob", tamper=entry, name="entry-tampered")
        self.assertEqual((said["outcomes"]["signature"], said["outcomes"]["inclusion"]),
                         ("fails", "fails"))
        self.assertIn("The signature does not fit", said["text"])
        self.assertIn("is not what stands in the log", said["text"])
        root = self.server.get("/log/checkpoint").body.decode().split("\n")[2]
        forged = ("A" if root[0] != "A" else "B") + root[1:]
        said = self.check("carl", tamper={"path": "/log/checkpoint", "from": root, "to": forged})
        self.assertEqual(said["outcomes"]["checkpoint"], "fails")
        key = self.server.instance()["coordinator"]
        said = self.check("dora", tamper={
            "path": "/instance", "from": key, "to": ("0" if key[0] != "0" else "1") + key[1:]})
        self.assertEqual(said["outcomes"]["instance"], "fails")
        path = self.server.get(f"/log/proofs/inclusion?leaf={self.entry['leaf']}").json["path"]
        said = self.check("emil", tamper={"path": "/log/proofs/inclusion", "from": path[0],
                                          "to": path[0][::-1]})
        self.assertEqual(said["outcomes"]["inclusion"], "fails")
        self.assertEqual(said["outcomes"]["signature"], "holds")

    def test_a_rewritten_past(self):
        self.check("fred")
        self.act("forge", "fred", root="ab" * 32)
        said = self.check("fred")
        self.assertEqual(said["outcomes"]["history"], "fails")
        self.assertIn("the past was rewritten", said["text"])

    def test_the_log(self):
        said = self.act("log", name="log")
        self.assertIn("will notice if the past is ever changed", said)
        self.assertIn("joined", said)
        again = self.act("log", name="log")
        self.assertIn("the same as on your last visit", again)


class Money(Pages):
    """Rewards on a private chain: fetched, and rules voted on, with an injected wallet."""

    @classmethod
    def setUpClass(cls):
        cls.node = chain.Anvil(block_time=0.2)
        cls.server = AnchoredServer(cls.node, flags=browser.pages(), deploy=("--voting-period", "60"))
        cls.folder, cls.serial = cls.server.folder, 0
        cls.browser = browser.Browser(cls.server.origin, temp_folder())
        cls.accounts = [cls.account() for _ in range(3)]
        cls.voices, cls.ctx = cls.paid_round("paid", "Paid numbers", "claim")

    @classmethod
    def paid_round(cls, slug, name, mode):
        """Three members with these accounts, and a result that is final."""
        spec = changed(PAID, name=name, reward={
            "budget": "9000", "scheme": "equal",
            "payout": {"mode": mode, "threshold": "0", "every": 1}})
        cls.server.admin("POST", "/models", {"model": slug, "spec": spec}).must(201)
        until(lambda: cls.server.get(f"/models/{slug}").must().json["policy"], 30, "it is registered")
        voices = []
        for i, link in enumerate(cls.server.invite(slug, 3)):
            voice = Voice(cls.server, f"Singer {i + 1} of {slug}")
            cls.server.post("/participants",
                            voice.enroll_body(link, payout=cls.accounts[i])).must(201)
            voices.append(voice)
        cls.deposit(slug)
        ctx = cls.server.open_round(slug)
        all_join(voices, ctx)
        all_share(voices, ctx)
        cls.server.wait_phase(ctx, "upload", limit=60)
        for voice in voices:
            voice.upload(ctx, voice.numbers(ctx, 1))
        cls.server.wait_phase(ctx, "unmask", limit=60)
        all_unmask(voices, ctx)
        cls.server.wait_phase(ctx, "done", limit=60)
        until(lambda: "final" in cls.server.txs(f"kind = 'voice' AND model = '{slug}'", "state")
              and not cls.server.txs("state <> 'final'", "id"), 60, "all is final")
        return voices, ctx

    @classmethod
    def account(cls):
        """An address that the node signs for, with some ether."""
        path = os.path.join(cls.folder, f"purse-{secrets.token_hex(4)}.json")
        keystore(path)
        address = cls.server.chorusd("key", "address", path).stdout.split()[1]
        cls.node.rpc("anvil_impersonateAccount", address)
        cls.node.fund(address)
        return address

    @classmethod
    def deposit(cls, slug):
        secret, donor = (os.path.join(cls.folder, name) for name in ("pass", f"donor-{slug}.json"))
        with open(secret, "w", encoding="ascii") as out:
            out.write("of no importance\n")
        keystore(donor)
        cls.node.fund(cls.server.chorusd("key", "address", donor).stdout.split()[1])
        Client(cls.folder, f"donor of {slug}").run(
            "deposit", slug, "90000", "--key", donor, "--passphrase-file", secret, "--rpc",
            cls.node.url, "--server", cls.server.origin).ok()

    def login(self, voice, who):
        """By the link that `chorus login` prints, which a voice makes itself."""
        now = int(self.server.get("/instance").json["now_at"])
        link = self.server.post(f"/participants/{voice.id}/login",
                                voice.key.login_body(voice.instance, now)).must(201).json["link"]
        return self.act("me", who, link=link, name="me-paid")

    def test_a_claim_with_a_wallet(self):
        voice, account = self.voices[0], self.accounts[0]
        vault = self.server.at["ChorusVault"]
        before, held = self.node.balance(account), self.node.balance(vault)
        said = self.login(voice, "singer")
        self.assertIn("To be fetched", said)
        self.act("wallet", "singer", rpc=self.node.url, account=account)
        said = self.act("claim", "singer", words="Fetched, in block")
        self.assertEqual(said["signed"][-1], "eth_sendTransaction")
        spent = self.node.balance(account) - before
        self.assertLess(spent, 3000)  # 3000 came, gas went
        self.assertEqual(self.node.balance(vault), held - 3000)
        until(lambda: self.server.get(f"/models/paid/balances/{voice.id}").json["claimed"] == "3000",
              30, "the books follow")
        self.act("see", "singer", path="/me", words="Fetched")

    def test_what_an_address_refused(self):
        """The vault keeps it; the address withdraws it with its wallet. Then the member is paid elsewhere."""
        account = self.accounts[1]
        self.node.rpc("anvil_setCode", account, "0x60006000fd")  # takes nothing
        voices, _ = self.paid_round("pushed", "Pushed numbers", "push")
        self.node.rpc("anvil_setCode", account, "0x")
        self.login(voices[1], "careless")
        self.act("wallet", "careless", rpc=self.node.url, account=self.accounts[2])
        self.act("withdraw", "careless", words="Only the payout address itself can withdraw this.")
        time.sleep(1.1)  # each second is good for one link
        self.login(voices[1], "refuser")
        self.act("wallet", "refuser", rpc=self.node.url, account=account)
        before, held = self.node.balance(account), self.node.balance(self.server.at["ChorusVault"])
        said = self.act("withdraw", "refuser", words="Fetched, in block")
        self.assertEqual(said["signed"][-1], "eth_sendTransaction")
        self.assertLess(self.node.balance(account) - before, 3000)  # 3000 came, gas went
        self.assertEqual(self.node.balance(self.server.at["ChorusVault"]), held - 3000)
        self.act("withdraw", "refuser", words="Nothing is left to fetch")

    def test_what_was_earned_elsewhere(self):
        voice = self.voices[2]
        self.server.post(f"/participants/{voice.id}/payout",
                         voice.payout_body("0x" + "22" * 20)).must(201)
        until(lambda: self.server.get(f"/participants/{voice.id}").json["payout"] == "0x" + "22" * 20,
              20, "it counts")
        self.login(voice, "mover")
        said = self.act("see", "mover", path="/me", words="Were you paid elsewhere before?")
        self.assertIn("To be fetched", said)

    def test_paying_in(self):
        link = self.server.admin("POST", "/users", {"name": "till", "role": "operator"}
                                 ).must(201).json["link"]
        self.browser.act("admin.setup", who="till", link=link[link.index("/#"):], password=PASSWORD)
        self.browser.act("admin.login", who="till", name="till", password=PASSWORD)
        self.act("wallet", "till", rpc=self.node.url, account=self.accounts[2])
        held = self.node.balance(self.server.at["ChorusVault"])
        self.act("deposit", "till", amount="a lot", words="This is not an amount.")
        said = self.act("deposit", "till", amount="4711", words="Paid in, in block")
        self.assertEqual(said["signed"][-1], "eth_sendTransaction")
        self.assertEqual(self.node.balance(self.server.at["ChorusVault"]), held + 4711)
        self.act("inspectHere", "till", name="money-paid")

    def test_a_wallet_on_another_chain(self):
        self.login(self.voices[1], "lost")
        self.act("wallet", "lost", rpc=self.node.url, account=self.accounts[1], chainId="0x1")
        said = self.act("claim", "lost", words="The wallet is on another chain")
        self.assertNotIn("eth_sendTransaction", said["signed"])

    def test_somebody_declines(self):
        self.login(self.voices[1], "unsure")
        self.act("wallet", "unsure", rpc=self.node.url, account=self.accounts[1],
                 refuse=["eth_sendTransaction"])
        self.act("claim", "unsure", words="You declined in your wallet")

    def test_the_round_names_its_transactions(self):
        said = self.act("see", path=f"/rounds/{self.ctx}", words="What stands on the chain cannot")
        self.assertIn("final", said)
        self.assertIn("Who is summed", said)
        anchors = self.server.get(f"/rounds/{self.ctx}/anchors").json["anchors"]
        self.assertIn("survivors", [a["kind"] for a in anchors])
        for anchor in anchors:
            if anchor["state"] == "final":
                receipt = self.node.rpc("eth_getTransactionReceipt", anchor["tx"])
                self.assertEqual(int(receipt["blockNumber"], 16), anchor["block"])
        self.act("inspectHere", name="round-anchored")

    def test_a_vote(self):
        call = {"from": self.accounts[2], "to": self.server.at["ChorusGovernor"],
                "data": self.proposal()}
        self.node.pass_time(2)  # votes count from the second after they were given
        self.node.rpc("eth_sendTransaction", {**call, "gas": self.node.rpc("eth_estimateGas", call)})
        until(lambda: [p for p in self.server.get("/governance/proposals").json["proposals"]
                       if p["state"] == "active"], 30, "the vote is open")
        self.act("wallet", "voter", rpc=self.node.url, account=self.accounts[0])
        said = self.act("vote", "voter", words="Your vote stands on the chain.")
        for words in ("Organisations in a round, at least", "3 →", "Paid numbers"):
            self.assertIn(words, said)
        self.assertIn("Four are enough", said)
        said = self.act("vote", "voter", words="This account has voted already.")
        self.act("inspectHere", "voter", name="governance")

    def proposal(self):
        """Calldata of propose(): the registry's minimum becomes four."""
        policy = self.server.get("/models/paid").json["policy"]
        call = keccak(b"setPolicy(bytes32,(uint32,uint32,uint64,uint256))")[:4].hex() + \
            keccak(b"paid").hex() + word(4) + word(policy["maximum_rounds"]) + \
            word(int(policy["privacy_budget"])) + word(int(policy["reward_cap"]))
        words = "Four are enough".encode()
        target = self.server.at["ChorusRegistry"][2:].lower().rjust(64, "0")
        body = call + "00" * (-len(call) // 2 % 32)
        parts = [word(1) + target, word(1) + word(0),
                 word(1) + word(32) + word(len(call) // 2) + body,
                 word(len(words)) + words.hex() + "00" * (-len(words) % 32)]
        head, at = "", 4 * 32
        for part in parts:
            head += word(at)
            at += len(part) // 2
        select = keccak(b"propose(address[],uint256[],bytes[],string)")[:4].hex()
        return "0x" + select + head + "".join(parts)
