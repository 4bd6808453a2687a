# SPDX-License-Identifier: Apache-2.0
"""Members in a browser, against a real chorusd and PostgreSQL: logging in by a link that their
key asks for, or by a wallet, and what their session is good for."""
import concurrent.futures
import hashlib
import hmac
import re
import secrets
import time

from people import READ, Person, Wallet
from serving import Base, Key, Server, psql, vector
from test_sessions import ROLES, ZERO, People, Session, address_of, body_of, code_of, routes


class Members(People):
    """People who run the instance, and a model that others are members of."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.model("choir", vector(10))

    def setUp(self):
        self.calm()

    def member(self, name="Ada", **changes):
        return Person(self.server, "choir", name, **changes)

    def count(self, table):
        return int(self.sql(f"SELECT count(*) FROM {table}"))


class ByLink(Members):
    def ask(self, who, body, path=None):
        return self.server.post(f"/participants/{path or who.id}/login", body)

    def test_good(self):
        ada = self.member()
        before = time.time()
        reply = self.ask(ada, ada.asks())
        self.assertEqual(reply.status, 201, reply)
        self.assertRegex(reply.json["link"],
                         rf"^http://127\.0\.0\.1:{self.server.port}/#login=[\w-]{{43}}$")
        self.assertAlmostEqual(reply.json["expires_at"], before + 300, delta=5)
        self.assertEqual(reply.headers["Cache-Control"], "no-store")
        code = reply.json["link"].partition("=")[2]
        self.assertNotIn(code, self.sql("SELECT * FROM login_links"), "it is kept as it is")
        got = self.server.post("/session", {"link": code})
        s = Session(self.server, got)
        said = {"name": "Ada", "role": "participant", "model": None, "csrf": s.csrf, "totp": False,
                "recovery_codes": 0, "participant": ada.id}
        self.assertEqual(got.json, said)
        self.assertEqual(s.get("/session").json, said)
        self.assertEqual(s.header.split("; ")[1:], ["Path=/", "Max-Age=43200", "HttpOnly",
                                                    "SameSite=Strict"])
        with open(self.server.log.name, "rb") as log:
            told = log.read()
        self.assertNotIn(code.encode(), told)
        self.assertNotIn(s.cookie.encode(), told)

    def test_once(self):
        ada = self.member()
        code = ada.link()
        Session(self.server, self.server.post("/session", {"link": code}))
        self.problem(self.server.post("/session", {"link": code}), "bad-invite", "link")
        code = ada.link()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            got = list(pool.map(lambda _: self.server.post("/session", {"link": code}).status,
                                range(4)))
        self.assertEqual(sorted(got), [201, 403, 403, 403])

    def test_the_newest_only(self):
        ada, bob = self.member(), self.member("Bob")
        first, other, second = ada.link(), bob.link(), ada.link()
        self.problem(self.server.post("/session", {"link": first}), "bad-invite", "link")
        self.assertEqual(self.server.post("/session", {"link": second}).json["participant"], ada.id)
        self.assertEqual(self.server.post("/session", {"link": other}).json["participant"], bob.id)

    def test_expired(self):
        ada = self.member()
        code = ada.link()
        self.sql("UPDATE login_links SET expires_at = clock_timestamp()")
        self.problem(self.server.post("/session", {"link": code}), "bad-invite", "link",
                     "chorus login")
        self.assertEqual(ada.login().status, 201)
        self.assertEqual(self.count("login_links"), 0, "old ones stay")

    def refuses(self, slug, field, who, body, **more):
        before = self.count("login_links"), self.sql("SELECT login_time FROM participants")
        reply = self.ask(who, body, **more)
        self.problem(reply, slug, field)
        self.assertEqual(before, (self.count("login_links"),
                                  self.sql("SELECT login_time FROM participants")))
        return reply

    def test_signature(self):
        ada, bob = self.member(), self.member("Bob")
        good, now = ada.asks(), int(time.time())
        bent = f"{int(good['sig'][:2], 16) ^ 1:02x}" + good["sig"][2:]
        for sig in (bent, ZERO * 2, bob.asks(good["time"])["sig"], ada.sign(READ, good["time"]),
                    ada.asks(good["time"] - 1)["sig"],
                    ada.sign(b"chorus/v1/login\n", good["time"], "ab" * 32),
                    ada.sign(b"", good["time"]), ada.key.sign(b"chorus/v1/login\n"),
                    ada.sign(b"chorus/v1/login\n", f"0{good['time']}")):
            self.refuses("bad-signature", "sig", ada, {**good, "sig": sig})
        self.refuses("bad-signature", "sig", ada, good, path=bob.id)
        self.assertEqual(self.ask(ada, good).status, 201)
        self.refuses("bad-signature", "sig", ada, {**good, "time": now + 5})

    def test_replayed(self):
        ada = self.member()
        now = int(time.time())
        good = ada.asks(now)
        self.assertEqual(self.ask(ada, good).status, 201)
        for at in (now, now - 1, now - 200):
            self.refuses("conflict", "time", ada, ada.asks(at))
        self.assertEqual(self.ask(ada, ada.asks(now + 1)).status, 201)
        again = self.member("Bob").asks(now + 2)
        self.refuses("bad-signature", "sig", ada, again)

    def test_clock(self):
        now = int(time.time())
        for apart in (-310, 310, -86400 * 365, 86400 * 365):
            ada = self.member()
            reply = self.refuses("bad-value", "time", ada, ada.asks(now + apart))
            said = int(re.search(r"is (-?\d+) seconds from the server's clock",
                                 reply.json["detail"])[1])
            self.assertAlmostEqual(said, -apart, delta=10)
        for apart in (-280, 280):
            ada = self.member()
            self.assertEqual(self.ask(ada, ada.asks(now + apart)).status, 201)

    def test_unknown(self):
        ada = self.member()
        stranger = self.member()
        stranger.key = Key()
        stranger.id = stranger.key.id
        self.refuses("not-found", None, stranger, stranger.asks())
        for bad in ("x", ada.id[:-1], ada.id.upper(), "%00" * 32):
            self.assertGreaterEqual(self.ask(ada, ada.asks(), path=bad).status, 400)

    def test_shapes(self):
        ada = self.member()
        good = ada.asks()
        for change, slug, field in (
                ({"time": str(good["time"])}, "wrong-type", "time"), ({"time": 0}, "bad-value", "time"),
                ({"time": -1}, "bad-value", "time"), ({"time": good["time"] + .5}, "wrong-type", "time"),
                ({"time": 2**53}, "bad-value", "time"), ({"time": None}, "wrong-type", "time"),
                ({"sig": good["sig"].upper()}, "bad-value", "sig"),
                ({"sig": good["sig"][:-2]}, "bad-value", "sig"), ({"sig": 1}, "wrong-type", "sig"),
                ({"more": 1}, "unknown-field", "more")):
            self.refuses(slug, field, ada, {**good, **change})
        for name in good:
            self.refuses("missing-field", name, ada, {k: v for k, v in good.items() if k != name})

    def test_not_what_users_have(self):
        """Links of members and of users, and ways to log in, do not mix."""
        ada = self.member()
        made = self.root.call("POST", "/users", {"name": "vic", "role": "viewer"}).json["link"]
        self.problem(self.server.post("/session", {"link": code_of(made)}), "bad-invite", "link")
        code = ada.link()
        self.problem(self.server.post("/setup", {"code": code, "name": "eve", "password": "a long enough one"}),
                     "bad-invite", "code")
        body = {"link": code, "name": "root", "password": self.known[0]}
        self.problem(self.server.post("/session", body), "bad-value", "link")
        for bad in ("x", code[:-1], code.swapcase(), "A" * 43, "' OR true --"):
            self.problem(self.server.post("/session", {"link": bad}), "bad-invite", "link")
        self.problem(self.server.post("/session", {"link": ""}), "bad-value", "link")
        self.problem(self.server.post("/session", {"link": code}, headers={
            "Origin": "http://evil.example"}), "wrong-csrf-token")
        self.assertEqual(self.server.post("/session", {"link": code}).status, 201)

    def test_guessing(self):
        """Wrong ones from one address have to wait after thirty; right ones are not counted."""
        for _ in range(3):
            self.assertEqual(self.member().login().status, 201)
        slugs = [self.server.post("/session", {"link": "A" * 43}).slug for _ in range(33)]
        self.assertEqual(slugs[:30], ["bad-invite"] * 30)
        self.assertEqual(slugs[-1], "too-many-requests")
        self.calm()


class TheirSession(Members):
    def test_every_route(self):
        """Each route with a member's session: what is public, and its own."""
        ada = self.member()
        before, seen = self.server.state(), []
        for method, pattern, who, flags in routes():
            if (method, pattern) in (("DELETE", "/api/v1/session"), ("POST", "/api/v1/session")):
                continue
            s = self.plant_member(ada)
            headers, body = body_of(method, flags)
            reply = s.call(method, address_of(pattern), body, headers=headers)
            slug = reply.slug if reply.status >= 400 else None
            what = f"{method} {pattern} ({who}): {reply}"
            if who in ROLES and "member" not in flags:
                self.assertEqual(slug, "forbidden", what)
            elif who == "participant" and "member" not in flags and method == "GET":
                self.assertEqual(slug, "unauthenticated", what)
            else:
                self.assertNotIn(reply.status, (401, 403), what)
                self.assertLess(reply.status, 500, what)
            seen.append(slug)
        self.assertGreater(seen.count("forbidden"), 40)
        self.assertEqual(self.server.state(), before, "something was changed")

    def plant_member(self, who):
        """A session without a login; each route may end it."""
        s = Session(self.server)
        s.cookie = secrets.token_urlsafe(32)
        self.sql("INSERT INTO sessions (hash, participant, expires_at, address, agent) VALUES "
                 f"(sha256('{s.cookie}'), '\\x{who.id}', now() + interval '1 hour', 'x', 'x')")
        s.csrf = s.get("/session").json["csrf"]
        return s

    def test_me(self):
        wallet = Wallet()
        ada = self.member(payout=wallet.address)
        s = Session(self.server, ada.login())
        me = s.get("/me")
        self.assertEqual(me.json["payout"].lower(), wallet.address)
        self.assertEqual({**me.json, "payout": None}, {
            "participant": ada.id, "name": "Ada", "name_shown": True, "models": ["choir"],
            "organisation": ada.organisation, "payout": None})
        self.assertEqual(me.headers["Cache-Control"], "no-store")
        public = f"/participants/{ada.id}"
        for shown in (False, False, True):
            reply = s.call("PUT", "/me", {"name_shown": shown})
            self.assertEqual((reply.status, reply.json), (200, {**me.json, "name_shown": shown}))
            self.assertEqual(s.get("/me").json["name_shown"], shown)
            self.assertEqual(self.server.get(public).json["name"], "Ada" if shown else None)
            self.assertEqual(s.get(public).json["name"], "Ada")
        waiting = self.member("Bob", admit=False)
        self.assertEqual(Session(self.server, waiting.login()).get("/me").json["models"], [])

    def test_me_refuses(self):
        ada = self.member()
        s = Session(self.server, ada.login())
        other = Session(self.server, ada.login())
        def put(body, **more):
            return s.call("PUT", "/me", body, **more)
        for csrf in (None, "", "x", other.csrf, s.csrf[:-1], s.cookie):
            given = {} if csrf is None else {"X-Chorus-Csrf": csrf}
            self.problem(put({"name_shown": False}, csrf=False, headers=given), "wrong-csrf-token")
        self.problem(put({"name_shown": False}, headers={"Origin": "http://evil.example"}),
                     "wrong-csrf-token")
        for body, slug, field in (({}, "missing-field", "name_shown"),
                                  ({"name_shown": "no"}, "wrong-type", "name_shown"),
                                  ({"name_shown": None}, "wrong-type", "name_shown"),
                                  ({"name_shown": False, "name": "Eve"}, "unknown-field", "name"),
                                  ({"name_shown": False, "participant": ZERO}, "unknown-field",
                                   "participant")):
            self.problem(put(body), slug, field)
        self.assertTrue(s.get("/me").json["name_shown"])
        # whoever is no member's session
        for method, body in (("GET", None), ("PUT", {"name_shown": False})):
            self.problem(self.root.call(method, "/me", body), "forbidden")
            self.problem(self.server.call(method, "/me", body, admin=True), "forbidden")
            self.problem(self.server.call(method, "/me", body), "unauthenticated")
            self.problem(self.server.call(method, "/me", body, headers=ada.reads()),
                         "unauthenticated")

    def test_log_out(self):
        ada = self.member()
        s, other = Session(self.server, ada.login()), Session(self.server, ada.login())
        self.problem(s.call("DELETE", "/session", csrf=False), "wrong-csrf-token")
        out = s.call("DELETE", "/session")
        self.assertEqual(out.status, 204)
        self.assertIn("chorus_session=; Path=/; Max-Age=0; HttpOnly", out.headers["Set-Cookie"])
        self.assertEqual((s.alive(), other.alive()), (False, True))
        self.problem(s.get("/me"), "unauthenticated")
        self.assertEqual(s.get("/models").status, 200, "what is public stays open")

    def test_ends(self):
        ada = self.member()
        for change in ("expires_at = now()", "seen_at = now() - interval '61 minutes'"):
            s = Session(self.server, ada.login())
            self.sql(f"UPDATE sessions SET {change} WHERE participant IS NOT NULL")
            self.assertFalse(s.alive(), change)
        # the secret that the browser had before is worth nothing after a login
        s = Session(self.server, ada.login())
        again = Session(self.server, ada.login(headers={"Cookie": "chorus_session=" + s.cookie}))
        self.assertEqual((s.alive(), again.alive()), (False, True))

    def test_where_one_is_logged_in(self):
        ada, bob = self.member(), self.member("Bob")
        first, second = Session(self.server, ada.login()), Session(self.server, ada.login())
        other = Session(self.server, bob.login())
        rows = first.get("/sessions").json["sessions"]
        self.assertEqual([(r["user"], r["current"]) for r in rows], [("Ada", False), ("Ada", True)])
        theirs = other.get("/sessions").json["sessions"][0]["id"]
        self.problem(first.call("DELETE", f"/sessions/{theirs}"), "not-found")
        self.problem(self.root.call("DELETE", f"/sessions/{theirs}"), "not-found")
        users = self.root.get("/sessions?limit=1").json["sessions"][0]["id"]
        self.problem(first.call("DELETE", f"/sessions/{users}"), "not-found")
        path = f"/sessions/{rows[0]['id']}"
        self.problem(first.call("DELETE", path, csrf=False), "wrong-csrf-token")
        self.assertEqual(first.call("DELETE", path).status, 204)
        self.assertEqual((first.alive(), second.alive(), other.alive()), (True, False, True))

    def test_apart_from_users(self):
        """A member whose name is an administrator's is a member."""
        fake = self.member("root")
        s = Session(self.server, fake.login())
        self.assertEqual(s.get("/session").json["role"], "participant")
        self.problem(s.get("/users"), "forbidden")
        rows = self.root.get("/sessions?limit=200").json["sessions"]
        self.assertEqual({r["user"] for r in rows}, {"root"}, "users' sessions only")


class ByWallet(Members):
    flags = {"log_level": "debug", "url": "https://chorus.example"}

    def challenge(self, wallet, server=None):
        reply = (server or self.server).post("/session/challenge", {"address": wallet.address})
        self.assertEqual(reply.status, 200, reply)
        return reply.json["message"]

    def answer(self, text, sig, **more):
        return self.server.post("/session", {"message": text, "signature": sig}, **more)

    def owner(self):
        wallet = Wallet()
        return wallet, self.member(payout=wallet.address)

    def test_good(self):
        wallet, ada = self.owner()
        text = self.challenge(wallet)
        self.assertRegex(text, (
            r"^chorus\.example wants you to sign in with your Ethereum account:\n0x[0-9a-fA-F]{40}\n\n"
            r"[^\n]+\n\nURI: https://chorus\.example\nVersion: 1\nChain ID: 1\nNonce: [0-9a-f]{64}\n"
            r"Issued At: [-\dT:]+Z\nExpiration Time: [-\dT:]+Z$"))
        got = self.answer(text, wallet.sign(text))
        self.assertEqual((got.status, got.json["participant"], got.json["role"]),
                         (201, ada.id, "participant"), got)
        self.assertTrue(got.headers["Set-Cookie"].endswith("; Secure"))
        self.assertEqual(Session(self.server, got).get("/me").json["name"], "Ada")
        text = self.challenge(wallet)
        self.assertEqual(self.answer(text, wallet.sign(text, base=0)).status, 201)

    def test_replayed(self):
        wallet, _ = self.owner()
        text = self.challenge(wallet)
        sig = wallet.sign(text)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            got = sorted(pool.map(lambda _: self.answer(text, sig).status, range(4)))
        self.assertEqual(got, [201, 403, 403, 403])
        self.problem(self.answer(text, sig), "wrong-login", "message", "used already")
        self.problem(self.answer(text, wallet.sign(text, base=0)), "wrong-login", "message")

    def refuses(self, text, wallet, field="message", slug="wrong-login", **more):
        before = self.count("wallet_logins"), self.count("sessions")
        self.problem(self.answer(text, wallet.sign(text), **more), slug, field)
        self.assertEqual(before, (self.count("wallet_logins"), self.count("sessions")))
        self.calm()

    def test_changed(self):
        """Whatever is not the text to the letter."""
        wallet, _ = self.owner()
        thief = Wallet()
        text = self.challenge(wallet)
        nonce = re.search("Nonce: (.*)", text)[1]
        for old, new in (("chorus.example wants", "evil.example wants"),
                         ("https://chorus.example", "https://evil.example"),
                         ("https://chorus.example", "http://chorus.example"),
                         ("Chain ID: 1", "Chain ID: 5"), ("Version: 1", "Version: 2"),
                         (nonce, secrets.token_hex(32)), (nonce, nonce[:32] + "0" * 32),
                         (nonce, ""), (nonce, nonce + "00"), ("costs nothing", "costs much"),
                         ("Expiration Time: 20", "Expiration Time: 21"),
                         ("Issued At: 20", "Issued At: 19"), ("Z", "z"), ("\n", "\r\n"),
                         ("Expiration", "Resources:\n- x\nExpiration")):
            self.assertIn(old, text)
            self.refuses(text.replace(old, new), wallet)
        for bad in (text + "\n", " " + text, text + text, "x", text[:-1], text[:200]):
            self.refuses(bad, wallet)
        address = text.splitlines()[1]
        self.refuses(text.replace(address, thief.address), thief)  # another's challenge
        self.assertEqual(self.answer(text, wallet.sign(text)).status, 201)

    def test_another_instance(self):
        """One at the same address did not make it, and does not take ours."""
        wallet, _ = self.owner()
        with Server(**self.flags) as other:
            self.assertNotEqual(other.instance(), self.server.instance())
            self.refuses(self.challenge(wallet, other), wallet)
            text = self.challenge(wallet)
            reply = other.post("/session", {"message": text, "signature": wallet.sign(text)})
            self.problem(reply, "wrong-login", "message")

    def test_another_key(self):
        wallet, _ = self.owner()
        thief, text = Wallet(), self.challenge(wallet)
        good = wallet.sign(text)
        for sig in (thief.sign(text), wallet.sign(text + " "), good[:-2] + ("1c" if good[-1] == "b" else "1b"),
                    "0x" + "00" * 65, "0x" + "ff" * 65, good[:-2] + "1d"):
            self.problem(self.answer(text, sig), "wrong-login", "signature")
        for sig in ("0x", good[2:], good[:-2], good.upper(), good + "00", "x" * 132):
            self.problem(self.answer(text, sig), "bad-value", "signature")
        self.assertEqual(self.answer(text, good).status, 201)

    def old(self, wallet, age):
        """A text as this server made it `age` seconds ago: its nonce is remade with its key."""
        text = self.challenge(wallet)
        now = int(time.time())
        issued, expires = now - age, now - age + 300
        with open(self.server.key, "rb") as f:
            data = f.read()
        seed = (data if len(data) in (32, 64) else bytes.fromhex(data.decode().split()[-1]))[:32]
        def mac(key, *parts):
            return hmac.new(key, b"".join(parts), hashlib.sha256).digest()
        prk = mac(bytes.fromhex(self.server.instance()), seed)
        key = mac(prk, b"chorus/v1/wallet-login", b"\1")
        random = secrets.token_bytes(16)
        proof = mac(key, random, bytes.fromhex(wallet.address[2:]),
                    issued.to_bytes(8, "little"), expires.to_bytes(8, "little"))[:16]
        for label, value in (("Nonce", (random + proof).hex()),
                             ("Issued At", time.strftime("%FT%TZ", time.gmtime(issued))),
                             ("Expiration Time", time.strftime("%FT%TZ", time.gmtime(expires)))):
            text = re.sub(f"{label}: .*", f"{label}: {value}", text)
        return text

    def test_expired(self):
        wallet, _ = self.owner()
        for age in (302, 86400, -30):  # the last one is of a time to come
            text = self.old(wallet, age)
            self.problem(self.answer(text, wallet.sign(text)), "wrong-login", "message", "expired")
        text = self.old(wallet, 290)
        self.assertEqual(self.answer(text, wallet.sign(text)).status, 201)
        self.sql("UPDATE wallet_logins SET expires_at = now() - interval '1 second'")
        text = self.challenge(wallet)
        self.assertEqual(self.answer(text, wallet.sign(text)).status, 201)
        self.assertEqual(self.count("wallet_logins"), 1, "old ones stay")

    def test_whose(self):
        wallet = Wallet()
        self.refuses(self.challenge(wallet), wallet, slug="not-enrolled")
        ada = self.member(payout=wallet.address)
        self.member("Bob", payout=wallet.address)
        text = self.challenge(wallet)
        self.assertEqual(self.answer(text, wallet.sign(text)).json["participant"], ada.id,
                         "who was enrolled with it first")

    def test_shapes(self):
        wallet, _ = self.owner()
        mixed = self.challenge(wallet).splitlines()[1]  # with its checksum
        swapped = "0x" + mixed[2:].swapcase()
        for address, slug in ((mixed, None), (wallet.address, None), (swapped, "bad-value"),
                              (mixed[2:], "bad-value"), (mixed[:-1], "bad-value"), ("", "bad-value"),
                              (mixed + "0", "bad-value"), (7, "wrong-type"), (None, "wrong-type")):
            reply = self.server.post("/session/challenge", {"address": address})
            if slug:
                self.problem(reply, slug, "address")
            else:
                self.assertEqual(reply.status, 200, reply)
        text = self.challenge(wallet)
        for body, slug, field in (({"message": text}, "missing-field", "signature"),
                                  ({"signature": "0x00"}, "missing-field", "message"),
                                  ({"message": text, "signature": "0x00", "link": "x"}, "bad-value", "link"),
                                  ({"message": text, "signature": "0x00", "name": "root"}, "bad-value",
                                   "message"), ({"message": "x" * 1025, "signature": "0x00"},
                                                "bad-value", "message")):
            self.problem(self.server.post("/session", body), slug, field)
