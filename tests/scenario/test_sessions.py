# SPDX-License-Identifier: Apache-2.0
"""Logging in against a real chorusd and PostgreSQL: who may do what, cookies, forged requests,
lockout, second factors, links, tokens, and what of it is kept and told."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import os
import re
import secrets
import struct
import subprocess
import time
import urllib.parse

import serving
from serving import Base, Server, psql

ROLES = ["viewer", "operator", "admin"]
PASSWORD = "a horse, a battery, a staple"
ZERO = "00" * 32


def code_of(link):
    return link.partition("/#setup=")[2].strip()


def totp(secret, step):
    """RFC 6238, written again."""
    mac = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06}"


class Session:
    """A browser's side: the cookie and the token against forged requests."""

    def __init__(self, server, reply=None):
        self.server = server
        if reply is not None:
            assert reply.status == 201, reply
            self.take(reply)

    def take(self, reply):
        self.header = reply.headers["Set-Cookie"]
        self.cookie = self.header.partition("chorus_session=")[2].partition(";")[0]
        self.csrf = reply.json["csrf"]

    def call(self, method, path, body=None, csrf=True, headers=None, **more):
        headers = {"Cookie": "chorus_session=" + self.cookie, **(headers or {})}
        if csrf and method != "GET":
            headers["X-Chorus-Csrf"] = self.csrf
        return self.server.call(method, path, body, headers=headers, **more)

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def alive(self):
        return self.get("/session").status == 200


class People(Base):
    """A server with an administrator; others come with `user`."""
    flags = {"log_level": "debug"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.server.process.stdout.readline()
        reply = cls.server.post("/setup", {"code": code_of(cls.first), "name": "root",
                                           "password": PASSWORD})
        assert reply.status == 201, reply
        cls.known = [PASSWORD, code_of(cls.first)]
        cls.root = cls.login(cls.server, "root")

    @staticmethod
    def login(server, name, password=PASSWORD, **more):
        return Session(server, server.post("/session", {"name": name, "password": password,
                                                        **more}))

    def user(self, name, role="viewer", password=PASSWORD):
        reply = self.root.call("POST", "/users", {"name": name, "role": role})
        self.assertEqual(reply.status, 201, reply)
        done = self.server.post("/setup", {"code": code_of(reply.json["link"]),
                                           "password": password})
        self.assertEqual((done.status, done.json), (201, {"name": name, "role": role}))
        return self.login(self.server, name, password)

    def sql(self, text):
        return psql(self.server.db, text)

    def calm(self):
        """Forgets all failures: other tests share the address."""
        self.sql("TRUNCATE login_attempts")

    def plant(self, name):
        """A session without the time that a login takes."""
        session = Session(self.server)
        session.cookie = secrets.token_urlsafe(32)
        self.sql("INSERT INTO sessions (hash, owner, expires_at, address, agent) SELECT "
                 f"sha256('{session.cookie}'), id, now() + interval '1 hour', 'x', 'x' "
                 f"FROM users WHERE name = '{name}'")
        mac = hmac.new(session.cookie.encode(), b"chorus/v1/csrf", hashlib.sha256).digest()
        session.csrf = base64.urlsafe_b64encode(mac).decode().rstrip("=")
        return session

    def try_login(self, name, password=PASSWORD, server=None, **more):
        return (server or self.server).post("/session",
                                            {"name": name, "password": password, **more})


def routes():
    """(method, path, who, flags) of each."""
    table = json.loads(subprocess.run([os.path.join(serving.BUILD, "chorusd"), "routes"], check=True,
                                      capture_output=True, text=True).stdout)
    return [(r["method"], r["pattern"], r["who"], r["flags"]) for r in table]


def address_of(pattern):
    if pattern == "/api/v1/events":
        return "/events?ctx=none"  # else it would not end
    fill = {"model": "nothing", "ctx": ZERO, "type": "open", "index": "0", "path*": "0/000",
            "hash": ZERO, "key": ZERO, "name": "nobody"}
    numbered = re.search(r"/(sessions|tokens|payouts|drafts|webhooks)/\{id\}", pattern)
    fill["id"] = "999999" if numbered else ZERO
    path = re.sub(r"\{([^}]+)\}", lambda m: fill.get(m[1], "0"), pattern)
    return path.removeprefix("/api/v1")


def body_of(method, flags):
    """(headers, body) of the kind that the route takes, and nothing in it."""
    if method in ("GET", "DELETE"):
        return {}, None
    kinds = (("chunk", "application/octet-stream"), ("csv", "text/csv"), ("text", "text/plain"))
    return {"Content-Type": next((t for f, t in kinds if f in flags), "application/json")}, b"{}"


class Roles(People):
    def test_every_route(self):
        """Each role, by session and by token, on each route: exactly the allowed pass."""
        table = routes()
        self.assertGreater(len(table), 60)
        tokens = {None: None}
        for role in ROLES:
            s = self.user("r-" + role, role)
            made = s.call("POST", "/tokens", {"name": "t", "role": role, "model": None,
                                              "expires_in": 3600})
            tokens[role] = made.json["token"]
        before, seen = self.server.state(), set()
        for method, pattern, who, flags in table:
            for role in [None] + ROLES:
                for by_token in (False, True):
                    status, slug = self.ask(method, pattern, flags, role,
                                            tokens[role] if by_token else None)
                    expected = self.expected(method, pattern, who, flags, role, by_token)
                    what = f"{method} {pattern} ({who}) by {role} {'token' * by_token}"
                    if expected:
                        self.assertEqual(slug, expected, what)
                    else:
                        self.assertNotIn(status, (401, 403), f"{what}: {slug}")
                        self.assertLess(status, 500, f"{what}: {slug}")
                    seen.add((who, role, expected))
        self.assertEqual(self.server.state(), before, "something was changed")
        for who, role, expected in (("operator", "viewer", "forbidden"),
                                    ("operator", "operator", None), ("admin", "operator",
                                    "forbidden"), ("admin", "admin", None),
                                    ("viewer", "viewer", None), ("viewer", None,
                                    "unauthenticated")):
            self.assertIn((who, role, expected), seen)

    def ask(self, method, pattern, flags, role, token):
        headers, body = body_of(method, flags)
        path = address_of(pattern)
        if token:
            headers["Authorization"] = "Bearer " + token
        if not role or token:
            reply = self.server.call(method, path, body, headers=headers)
        else:
            reply = self.plant("r-" + role).call(method, path, body, headers=headers)
        ok = reply.status < 400
        return reply.status, None if ok else reply.slug

    def expected(self, method, pattern, who, flags, role, by_token):
        """The problem, or None where the handler is reached."""
        if who == "participant" and "member" in flags:
            return "forbidden" if role else "unauthenticated"
        if who == "participant":
            return "unauthenticated" if method == "GET" else None
        if who == "public":
            return None
        if role is None:
            return "unauthenticated"
        if ROLES.index(role) < ROLES.index(who):
            return "forbidden"
        if by_token and ("own" in flags or (method, pattern) == ("POST", "/api/v1/tokens")):
            return "forbidden"
        return None

    def test_tokens(self):
        self.server.model("mine")
        self.server.model("other")
        s = self.user("tess", "operator")
        body = {"name": "ci", "role": "operator", "model": "mine", "expires_in": 600}
        for change, slug, field in (({"role": "admin"}, "forbidden", None),
                                    ({"role": "king"}, "bad-value", "role"),
                                    ({"model": "nothing"}, "bad-value", "model"),
                                    ({"model": 1}, "bad-value", "model"),
                                    ({"expires_in": 0}, "bad-value", "expires_in"),
                                    ({"expires_in": "x"}, "bad-value", "expires_in"),
                                    ({"more": 1}, "unknown-field", "more")):
            reply = s.call("POST", "/tokens", {**body, **change})
            self.assertEqual(reply.slug, slug, reply)
            if field:
                self.assertEqual(reply.json["field"], field)
        made = s.call("POST", "/tokens", body)
        self.assertEqual(made.status, 201, made)
        bearer = {"headers": {"Authorization": "Bearer " + made.json["token"]}}
        invite = {"organisation": None, "count": 1, "expires_in": 60, "admit": True}
        def ask(*call):
            reply = self.server.call(*call, **bearer)
            return reply.status if reply.status < 400 else reply.slug
        self.assertEqual(ask("GET", "/models/mine/members"), 200)
        self.assertEqual(ask("GET", "/models/other/members"), "forbidden")
        self.assertEqual(ask("POST", "/invites", {**invite, "model": "mine"}), 201)
        self.assertEqual(ask("POST", "/invites", {**invite, "model": "other"}), "forbidden")
        self.assertEqual(ask("GET", "/participants"), "forbidden")
        self.assertEqual(ask("POST", f"/rounds/{ZERO}/cancel"), "forbidden")
        self.assertEqual(ask("DELETE", "/models/mine/schedule"), 204)
        self.assertEqual(ask("DELETE", "/models/other/schedule"), "forbidden")
        # not more than the owner may now, and for its time only
        self.root.call("PUT", "/users/tess", {"role": "viewer"})
        self.assertEqual(ask("DELETE", "/models/mine/schedule"), "forbidden")
        self.assertEqual(ask("GET", "/models/mine/members"), 200)
        rows = self.root.get("/tokens").json["tokens"]
        row = next(t for t in rows if t["id"] == made.json["id"])
        self.assertEqual((row["user"], row["role"], row["model"]), ("tess", "operator", "mine"))
        self.assertIsNotNone(row["used_at"])
        self.assertNotIn(made.json["token"], str(rows))
        self.sql(f"UPDATE admin_tokens SET expires_at = now() WHERE id = {made.json['id']}")
        self.assertEqual(ask("GET", "/models/mine/members"), "unauthenticated")
        # one's own can be ended, another's only by an administrator
        v, w = self.plant("tess"), self.user("vera")
        made = v.call("POST", "/tokens", {**body, "role": "viewer", "model": None,
                                          "expires_in": None}).json
        bearer["headers"]["Authorization"] = "Bearer " + made["token"]
        self.assertEqual(ask("GET", "/participants"), 200)
        self.assertEqual(w.call("DELETE", f"/tokens/{made['id']}").slug, "not-found")
        self.assertEqual(w.get("/tokens").json["tokens"], [])
        self.assertEqual(v.call("DELETE", f"/tokens/{made['id']}").status, 204)
        self.assertEqual(ask("GET", "/participants"), "unauthenticated")

    def test_users(self):
        for body, slug, field in (({"name": "A", "role": "viewer"}, "bad-value", "name"),
                                  ({"name": "a/b", "role": "viewer"}, "bad-value", "name"),
                                  ({"name": "' OR 1=1", "role": "viewer"}, "bad-value", "name"),
                                  ({"name": "a", "role": "root"}, "bad-value", "role"),
                                  ({"name": "root", "role": "viewer"}, "conflict", "name"),
                                  ({"name": "a"}, "missing-field", "role")):
            reply = self.root.call("POST", "/users", body)
            self.problem(reply, slug, field)
        a, b = self.user("anna", "admin"), self.user("ben", "operator")
        token = b.call("POST", "/tokens", {"name": "t", "role": "operator", "model": None,
                                           "expires_in": None}).json["token"]
        bearer = {"headers": {"Authorization": "Bearer " + token}}
        self.assertEqual(self.server.get("/users", **bearer).status, 200)
        self.assertEqual(a.call("PUT", "/users/ben", {"disabled": True}).json["disabled"], True)
        self.assertFalse(b.alive())
        self.assertEqual(self.server.get("/users", **bearer).slug, "unauthenticated")
        self.assertEqual(self.try_login("ben").slug, "wrong-login")
        a.call("PUT", "/users/ben", {"disabled": False})
        self.assertEqual(self.server.get("/users", **bearer).status, 200)
        self.assertFalse(b.alive(), "an ended session came back")
        self.assertEqual(self.root.call("PUT", "/users/nobody", {}).slug, "not-found")
        # who is an administrator stays one until there is another
        self.assertEqual(self.root.call("PUT", "/users/anna", {"role": "viewer"}).status, 200)
        self.assertFalse(a.alive(), "a session kept the role it began with")
        self.sql("UPDATE users SET role = 'viewer' WHERE name <> 'root'")
        for change in ({"role": "operator"}, {"disabled": True}):
            self.problem(self.root.call("PUT", "/users/root", change), "conflict")
        users = {u["name"]: u for u in self.root.get("/users").json["users"]}
        self.assertEqual(users["anna"]["role"], "viewer")
        self.assertNotIn("argon2", str(users))

    def test_acts(self):
        """Every change is in the log by a pseudonym, nothing else is."""
        self.server.model("told")
        s = self.user("otto", "operator")
        actor = next(u["actor"] for u in s.get("/users").json["users"] if u["name"] == "otto")
        def told():
            return [tuple(line.split("|")) for line in self.sql(
                "SELECT convert_from(bytes, 'UTF8')::json->>'action', "
                "convert_from(bytes, 'UTF8')::json->>'model' FROM events WHERE type = 'act' "
                f"AND convert_from(bytes, 'UTF8')::json->>'actor' = '{actor}' ORDER BY seq"
                ).splitlines()]
        plan = {"every": 60, "rounds": 1, "target": None}
        self.assertEqual(s.call("PUT", "/models/told/schedule", plan).status, 200)
        s.call("PUT", "/models/told/schedule", {**plan, "rounds": 0})
        s.call("PUT", "/models/nothing/schedule", plan)
        s.call("POST", "/models/told/retire")
        s.get("/models/told/members")
        self.assertEqual(s.call("POST", "/session/totp").status, 201)
        given = self.server.invite("told", admit=False)
        who = serving.enrolment(given)
        self.assertEqual(self.server.post("/participants", who).status, 201)
        add = {"participant": who["event"]["participant"]}
        self.assertEqual([s.call("POST", "/models/told/members", add).status for _ in "ab"],
                         [201, 200])
        self.assertEqual(told(), [("PUT /api/v1/models/{model}/schedule", "told"),
                                  ("POST /api/v1/models/{model}/members", "told")])
        self.assertNotIn("otto", self.sql("SELECT string_agg(convert_from(bytes, 'UTF8'), "
                                          "'') FROM events"))
        # as everybody reads it
        def entries():
            return [e["event"] for e in
                    self.server.get("/log/entries?model=told&limit=200").json["entries"]]
        self.assertTrue(serving.wait_until(lambda: any(
            e["type"] == "act" and e["actor"] == actor and "members" in e["action"]
            for e in entries())))
        # what is refused at the very end is not told either
        count = "SELECT count(*) FROM events WHERE type = 'act'"
        before = self.sql(count)
        self.assertEqual(self.root.call("POST", "/models", {
            "model": "told", "spec": serving.iris()}).slug, "conflict")
        self.assertEqual(self.sql(count), before)
        # nor what was so before
        for call, status in ((("DELETE", "/models/told/schedule"), 204),
                             (("POST", "/models/told/retire"), 200)):
            self.assertEqual([self.root.call(*call).status for _ in "abc"], [status] * 3)
        self.assertEqual(int(self.sql(count)), int(before) + 2)


class Logins(People):
    def setUp(self):
        self.calm()

    def test_cookie(self):
        s = self.login(self.server, "root")
        parts = s.header.split("; ")
        self.assertEqual(parts[1:], ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict"])
        self.assertEqual(len(s.cookie), 43)
        me = s.get("/session")
        self.assertEqual(me.json, {"name": "root", "role": "admin", "model": None,
                                   "csrf": s.csrf, "totp": False, "recovery_codes": 0})
        self.assertEqual(me.headers["Cache-Control"], "no-store")
        self.assertNotIn("Set-Cookie", me.headers)
        for cookie in ("", "x", s.cookie[:-1], s.cookie + "x", s.cookie.swapcase(),
                       "'" * 43, s.cookie[:-1] + "%00"):
            s2 = Session(self.server)
            s2.cookie = cookie
            self.assertEqual(s2.get("/session").status, 401, cookie)
        out = s.call("DELETE", "/session")
        self.assertEqual(out.status, 204)
        self.assertIn("chorus_session=; Path=/; Max-Age=0; HttpOnly", out.headers["Set-Cookie"])
        self.assertFalse(s.alive())

    def test_forgery(self):
        s, other = self.plant("root"), self.plant("root")
        host = f"127.0.0.1:{self.server.port}"
        def post(csrf, **headers):
            given = {k.replace("_", "-"): v for k, v in headers.items()}
            if csrf is not None:
                given["X-Chorus-Csrf"] = csrf
            reply = s.call("PUT", "/users/nobody", {}, csrf=False, headers=given)
            return reply.slug
        for bad in (None, "", "x", other.csrf, s.csrf[:-1], s.csrf + "x", s.cookie):
            self.assertEqual(post(bad), "wrong-csrf-token", bad)
        self.assertEqual(post(s.csrf), "not-found")
        self.assertEqual(post(s.csrf, Origin="http://" + host), "not-found")
        for origin in ("http://evil.example", "null", "http://" + host + ".evil.example",
                       "http://" + host + "0", "", host, "http://evil.example/" + host):
            self.assertEqual(post(s.csrf, Origin=origin), "wrong-csrf-token", origin)
        # a token in a header is no cookie; a login by another site's page is refused too
        self.assertEqual(self.server.call("PUT", "/users/nobody", {}, admin=True, headers={
            "Origin": "http://evil.example"}).slug, "not-found")
        for path in ("/session", "/setup"):
            reply = self.server.post(path, {}, headers={"Origin": "http://evil.example"})
            self.assertEqual(reply.slug, "wrong-csrf-token")
        self.assertEqual(s.get("/users").status, 200)

    def test_fixation(self):
        """A secret that somebody else knew before a login is worth nothing after it."""
        planted = secrets.token_urlsafe(32)
        body = {"name": "root", "password": PASSWORD}
        s = Session(self.server, self.server.post(
            "/session", body, headers={"Cookie": "chorus_session=" + planted}))
        self.assertNotEqual(s.cookie, planted)
        again = Session(self.server, self.server.post(
            "/session", body, headers={"Cookie": "chorus_session=" + s.cookie}))
        self.assertFalse(s.alive(), "the session before the login goes on")
        self.assertTrue(again.alive())

    def test_password(self):
        new = "another horse entirely"
        s = self.user("paula")
        other = self.login(self.server, "paula")
        for body, slug, field in (({"old": "x", "new": new}, "wrong-login", "old"),
                                  ({"old": PASSWORD, "new": "short"}, "bad-value", "new"),
                                  ({"old": PASSWORD, "new": "x" * 257}, "bad-value", "new"),
                                  ({"new": new}, "missing-field", "old")):
            self.problem(s.call("PUT", "/session/password", body), slug, field)
        self.assertTrue(other.alive())
        before = s.cookie, s.csrf
        reply = s.call("PUT", "/session/password", {"old": PASSWORD, "new": new})
        self.assertEqual(reply.status, 200, reply)
        old = Session(self.server)
        old.cookie, old.csrf = before
        s.take(reply)
        self.assertTrue(s.alive())
        self.assertFalse(other.alive(), "another session went on")
        self.assertFalse(old.alive(), "the old secret is still good")
        self.assertEqual(self.try_login("paula").slug, "wrong-login")
        self.assertEqual(self.try_login("paula", new).status, 201)

    def test_expiry(self):
        for column, age in (("expires_at", "0"), ("seen_at", "61 minutes")):
            s = self.plant("root")
            self.assertTrue(s.alive())
            self.sql(f"UPDATE sessions SET {column} = now() - interval '{age}' "
                     f"WHERE hash = sha256('{s.cookie}')")
            self.assertFalse(s.alive(), column)
        s = self.plant("root")
        self.sql("UPDATE sessions SET seen_at = now() - interval '59 minutes' "
                 f"WHERE hash = sha256('{s.cookie}')")
        self.assertTrue(s.alive())
        fresh = self.sql("SELECT seen_at > now() - interval '1 minute' FROM sessions "
                         f"WHERE hash = sha256('{s.cookie}')")
        self.assertEqual(fresh, "t")

    def test_list(self):
        s = self.user("lena")
        agent = {"User-Agent": "Fire\x01fox " + "x" * 300}
        other = Session(self.server, self.server.post(
            "/session", {"name": "lena", "password": PASSWORD}, headers=agent))
        rows = s.get("/sessions").json["sessions"]
        self.assertEqual([(r["user"], r["current"]) for r in rows],
                         [("lena", False), ("lena", True)])
        self.assertEqual(rows[0]["address"], "127.0.0.1")
        self.assertTrue(rows[0]["agent"].startswith("Fire?fox xxx"))
        self.assertLess(len(rows[0]["agent"]), 200)
        self.assertNotIn(other.cookie, str(rows))
        everybody = self.root.get("/sessions").json["sessions"]
        self.assertTrue({"root", "lena"} <= {r["user"] for r in everybody})
        mine = next(r["id"] for r in everybody if r["user"] == "root")
        self.assertEqual(s.call("DELETE", f"/sessions/{mine}").slug, "not-found")
        for bad in ("x", "-1", "9" * 20):
            self.assertEqual(s.call("DELETE", f"/sessions/{bad}").status, 404)
        self.assertEqual(s.call("DELETE", f"/sessions/{rows[0]['id']}").status, 204)
        self.assertFalse(other.alive())
        self.assertEqual(self.root.call("DELETE", f"/sessions/{rows[1]['id']}").status, 204)
        self.assertFalse(s.alive())

    def argon2(self):
        with open(self.server.log.name) as f:
            return f.read().count('"argon2"')

    def test_unknown_user(self):
        """Takes what a wrong password takes: the same work, the same words."""
        self.root.call("POST", "/users", {"name": "newcomer", "role": "viewer"})
        replies = []
        for name in ("root", "nobody", "newcomer"):
            before = self.argon2()
            replies.append(self.try_login(name, "wrong wrong wrong"))
            self.assertEqual(self.argon2(), before + 1, name)
        self.assertEqual(len({r.body for r in replies}), 1)
        self.assertEqual(replies[0].slug, "wrong-login")

    def test_at_once(self):
        """Passwords of many are not computed all at once, and other requests go on."""
        def one(i):
            return self.try_login(f"somebody-{i}").slug
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            others = [pool.submit(one, i) for i in range(16)]
            began = time.monotonic()
            self.assertEqual(self.server.get("/ready").status, 200)
            self.assertLess(time.monotonic() - began, 5)
            slugs = [f.result() for f in others]
        self.assertLessEqual(set(slugs), {"wrong-login", "busy"})
        self.assertIn("busy", slugs)
        busy = self.sql("SELECT count(*) FROM login_attempts WHERE failures = 0")
        self.assertEqual(int(busy), slugs.count("busy"), "a busy server is no failed login")


class Lockout(People):
    def setUp(self):
        self.calm()

    def test_grows_on_all_replicas(self):
        self.user("lola")
        self.calm()
        with Replica(self.server) as other:
            both = [self.server, other]
            for i in range(6):
                reply = self.try_login("lola", "wrong wrong wrong", server=both[i % 2])
                self.assertEqual(reply.slug, "wrong-login", i)
            waits = []
            for i in range(5):
                reply = self.try_login("lola", server=both[i % 2])
                self.assertEqual((reply.status, reply.slug), (429, "too-many-requests"))
                waits.append(int(reply.headers["Retry-After"]))
                argon2 = self.sql("UPDATE login_attempts SET blocked_until = now() "
                                  "WHERE failures > 0 RETURNING 1")
                self.assertTrue(argon2)
                reply = self.try_login("lola", "wrong wrong wrong", server=both[i % 2])
                self.assertEqual(reply.slug, "wrong-login")
            self.assertEqual(waits, [2, 4, 8, 16, 32])
            self.sql("UPDATE login_attempts SET failures = 500, blocked_until = now()")
            self.try_login("lola", "wrong wrong wrong")
            reply = self.try_login("lola", server=other)
            self.assertIn(int(reply.headers["Retry-After"]), (899, 900))
            # never for ever: the right password ends it
            self.sql("UPDATE login_attempts SET blocked_until = now()")
            self.assertEqual(self.try_login("lola", server=other).status, 201)
            self.calm()
            self.assertEqual(self.try_login("lola").status, 201)

    def test_at_once(self):
        """Guesses that come together are not more than those that come in turn."""
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            slugs = list(pool.map(lambda _: self.try_login("root", "wrong wrong wrong").slug,
                                  range(20)))
        self.assertLessEqual(slugs.count("wrong-login"), 6)
        self.assertLessEqual(set(slugs), {"wrong-login", "busy", "too-many-requests"})

    def test_address(self):
        self.sql("TRUNCATE login_attempts")
        for i in range(31):
            reply = self.try_login(f"guess-{i}")
            self.assertEqual(reply.slug, "wrong-login", i)
        self.assertEqual(self.try_login("root").slug, "too-many-requests")
        self.assertEqual(self.server.post("/setup", {
            "code": "x", "password": PASSWORD}).slug, "too-many-requests")

    def test_forgotten(self):
        self.try_login("nobody", "wrong wrong wrong")
        self.sql("UPDATE login_attempts SET last_at = now() - interval '25 hours'")
        self.assertEqual(self.try_login("root").status, 201)
        self.assertEqual(self.sql("SELECT count(*) FROM login_attempts WHERE last_at < now() - "
                                  "interval '1 day'"), "0")


class Replica(Server):
    """Another process on the same database."""

    def __init__(self, first, **flags):
        super().__init__(**flags)
        self.first = first

    def __enter__(self):
        self.db, self.key = self.first.db, self.first.key
        self.folder = os.path.join(self.first.folder, secrets.token_hex(4))
        os.mkdir(self.folder)
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Proxy(People):
    """Behind a proxy, with https: its word counts, nobody else's."""
    flags = {"log_level": "debug", "url": "https://chorus.example.org/base",
             "proxy": "127.0.0.1"}

    def test_https(self):
        self.assertIn("open https://chorus.example.org/base/#setup=", self.first)
        self.assertTrue(self.root.header.endswith("; Secure"), self.root.header)
        for path in ("/health", "/nothing"):
            h = self.server.get(path).headers
            self.assertEqual(h["Strict-Transport-Security"], "max-age=31536000")
            self.assertEqual(h["Cross-Origin-Resource-Policy"], "same-origin")
            self.assertEqual(h["Referrer-Policy"], "no-referrer")
            self.assertEqual(h["X-Content-Type-Options"], "nosniff")
            self.assertNotIn("unsafe", h["Content-Security-Policy"])
        for origin, slug in (("https://chorus.example.org", "not-found"),
                             ("https://chorus.example.or", "wrong-csrf-token"),
                             ("http://chorus.example.org", "wrong-csrf-token"),
                             ("https://chorus.example.org.evil.net", "wrong-csrf-token")):
            reply = self.root.call("PUT", "/users/nobody", {}, headers={"Origin": origin})
            self.assertEqual(reply.slug, slug, origin)

    def test_address(self):
        for given, shown in (("1.2.3.4", "1.2.3.4"), ("6.6.6.6, 1.2.3.4", "1.2.3.4"),
                             ("2001:db8::1", "2001:db8::1"), ("<b>", "unknown")):
            s = Session(self.server, self.server.post(
                "/session", {"name": "root", "password": PASSWORD},
                headers={"X-Forwarded-For": given}))
            rows = s.get("/sessions").json["sessions"]
            self.assertEqual(next(r["address"] for r in rows if r["current"]), shown)
        # an IPv6 network counts as one
        self.calm()
        for i in range(3):
            self.server.post("/session", {"name": f"x{i}", "password": PASSWORD},
                             headers={"X-Forwarded-For": f"2001:db8::{i}"})
        self.assertEqual(self.sql("SELECT max(failures) FROM login_attempts"), "3")

    def test_other_address(self):
        with Replica(self.server, proxy="10.0.0.1") as other:
            s = Session(other, other.post("/session", {"name": "root", "password": PASSWORD},
                                          headers={"X-Forwarded-For": "1.2.3.4"}))
            rows = s.get("/sessions").json["sessions"]
            self.assertEqual(next(r["address"] for r in rows if r["current"]), "127.0.0.1")


class Factors(People):
    def setUp(self):
        self.calm()

    def enrol(self, s, name):
        """A user's authenticator: its secret, its step, and the recovery codes."""
        uri = s.call("POST", "/session/totp").json["uri"]
        self.assertTrue(uri.startswith(f"otpauth://totp/chorus.test%2Flog:{name}?secret="), uri)
        query = urllib.parse.parse_qs(uri.partition("?")[2])
        self.assertEqual((query["issuer"], query["digits"], query["period"]),
                         (["chorus.test/log"], ["6"], ["30"]))
        secret = base64.b32decode(query["secret"][0])
        self.assertEqual(len(secret), 20)
        step = int(time.time()) // 30
        self.problem(s.call("PUT", "/session/totp", {"code": totp(secret, step + 5)}),
                     "wrong-login", "code")
        before, other = s.cookie, self.login(self.server, name)
        reply = s.call("PUT", "/session/totp", {"code": totp(secret, step)})
        self.assertEqual(reply.status, 200, reply)
        s.take(reply)
        self.assertNotEqual(s.cookie, before)
        self.assertFalse(other.alive(), "a session without the second factor goes on")
        self.assertEqual((s.get("/session").json["totp"], len(reply.json["recovery"])),
                         (True, 10))
        self.known.extend([query["secret"][0], secret.hex()] + reply.json["recovery"])
        return secret, step, reply.json["recovery"]

    def test_totp(self):
        s = self.user("toni")
        self.problem(s.call("PUT", "/session/totp", {"code": "123456"}), "conflict")
        secret, step, _ = self.enrol(s, "toni")
        def slug(code):
            self.calm()
            reply = self.try_login("toni", totp=code)
            return reply.slug if reply.status >= 400 else reply.status
        def used(value):
            self.sql(f"UPDATE users SET totp_step = {value} WHERE name = 'toni'")
        self.assertEqual(self.try_login("toni").slug, "code-needed")
        self.assertEqual(self.try_login("toni", "wrong wrong wrong").slug, "wrong-login")
        self.assertEqual(slug(totp(secret, step)), "wrong-login", "the code that confirmed")
        while int(time.time()) % 30 > 20:
            time.sleep(0.5)
        now = int(time.time()) // 30
        for drift in (-2, 2, 40):
            used(0)
            self.assertEqual(slug(totp(secret, now + drift)), "wrong-login", drift)
        for drift in (-1, 0, 1):
            used(0)
            self.assertEqual(slug(totp(secret, now + drift)), 201, drift)
            self.assertEqual(slug(totp(secret, now + drift)), "wrong-login", "used twice")
        self.assertEqual(slug(totp(secret, now)), "wrong-login", "older than the last one")
        for code in ("", "12345", "1234567", totp(secret, now + 1) + " ", "abcdef"):
            used(0)
            self.assertIn(slug(code), ("wrong-login", "bad-value"), code)
        # the same code at the same moment is good once
        used(0)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            got = list(pool.map(lambda _: self.try_login("toni", totp=totp(secret, now)).status,
                                range(2)))
        self.assertEqual(sorted(got)[0], 201)
        self.assertNotEqual(got, [201, 201])

    def test_recovery(self):
        _, _, codes = self.enrol(self.user("rita"), "rita")
        self.assertEqual(len(set(codes)), 10)
        self.assertTrue(all(re.fullmatch("([a-z2-7]{4}-){3}[a-z2-7]{4}", c) for c in codes))
        self.assertEqual(self.try_login("rita", recovery="aaaa-aaaa-aaaa-aaaa").slug,
                         "wrong-login")
        s = self.login(self.server, "rita", recovery=codes[0])
        self.assertEqual(s.get("/session").json["recovery_codes"], 9)
        self.assertEqual(self.try_login("rita", recovery=codes[0]).slug, "wrong-login")
        written = codes[1].replace("-", " ").upper()
        self.assertEqual(self.try_login("rita", recovery=written).status, 201)
        # of somebody else, or with a wrong password
        self.enrol(self.user("rosa"), "rosa")
        self.assertEqual(self.try_login("rosa", recovery=codes[2]).slug, "wrong-login")
        self.assertEqual(self.try_login("rita", "wrong wrong wrong", recovery=codes[2]).slug,
                         "wrong-login")
        self.assertEqual(self.try_login("rita", recovery=codes[2]).status, 201)
        # off again, by a recent login only
        self.sql(f"UPDATE sessions SET created_at = now() - interval '11 minutes' "
                 f"WHERE hash = sha256('{s.cookie}')")
        for method in ("POST", "DELETE"):
            self.problem(s.call(method, "/session/totp"), "forbidden",
                         detail="log in again")
        s = self.login(self.server, "rita", recovery=codes[3])
        reply = s.call("DELETE", "/session/totp")
        self.assertEqual((reply.status, reply.json["totp"], reply.json["recovery_codes"]),
                         (200, False, 0))
        self.assertEqual(self.try_login("rita").status, 201)

    def test_sealed(self):
        """The secret of one user opens nothing for another, and not without the key."""
        secret, _, _ = self.enrol(self.user("sven"), "sven")
        self.enrol(self.user("sofia"), "sofia")
        self.assertNotIn(secret.hex(), self.sql("SELECT totp FROM users WHERE name = 'sven'"))
        self.sql("UPDATE users SET totp_step = 0, totp = (SELECT totp FROM users WHERE "
                 "name = 'sven') WHERE name = 'sofia'")
        reply = self.try_login("sofia", totp=totp(secret, int(time.time()) // 30))
        self.assertGreaterEqual(reply.status, 500)
        self.sql("UPDATE users SET totp = NULL WHERE name = 'sofia'")

    def test_lost(self):
        """An administrator's link sets a new password, and drops the lost phone if told."""
        new = "a quite new password"
        s = self.user("lost")
        self.enrol(s, "lost")
        link = self.root.call("POST", "/users/lost/reset", {"totp": False}).json["link"]
        self.assertTrue(s.alive(), "a link that nobody used ended a session")
        body = {"code": code_of(link), "password": new}
        self.assertEqual(self.server.post("/setup", body).status, 201)
        self.assertFalse(s.alive())
        self.assertEqual(self.try_login("lost", new).slug, "code-needed")
        link = self.root.call("POST", "/users/lost/reset", {"totp": True}).json["link"]
        self.assertEqual(self.server.post("/setup", {**body, "code": code_of(link)}).status,
                         201)
        self.assertEqual(self.try_login("lost", new).status, 201)
        self.known += [new, code_of(link)]

    def test_nothing_is_kept(self):
        """Neither the log nor the database holds anything that opens something."""
        s = self.user("kate")
        secret, step, codes = self.enrol(s, "kate")
        self.try_login("kate", "my secret typed wrong")
        self.try_login("typed-into-the-name", "whatever it is")
        token = s.call("POST", "/tokens", {"name": "t", "role": "viewer", "model": None,
                                           "expires_in": None}).json["token"]
        link = code_of(self.root.call("POST", "/users/kate/reset", {"totp": False}).json["link"])
        known = self.known + [s.cookie, s.csrf, token, link, self.root.cookie, self.server.token,
                              "my secret typed wrong", "typed-into-the-name"]
        known += [c.replace("-", "").upper() for c in codes]
        done = subprocess.run(["pg_dump", "--inserts", self.server.db], capture_output=True,
                              text=True, timeout=60, check=True)
        with open(self.server.log.name) as f:
            log = f.read()
        self.assertIn("INSERT INTO public.sessions", done.stdout)
        self.assertIn('"argon2"', log)
        for text in known:
            for form in (text, text.encode().hex(), base64.b64encode(text.encode()).decode()):
                self.assertNotIn(form, done.stdout)
                self.assertNotIn(form, log)


class Links(Base):
    def link(self):
        line = self.server.process.stdout.readline()
        self.assertRegex(line, r"open http://127\.0\.0\.1:\d+/#setup=[\w-]{43}\n")
        return code_of(line)

    def setup(self, code, name="root", password=PASSWORD):
        body = {"code": code, "name": name, "password": password}
        return self.server.post("/setup", {k: v for k, v in body.items() if v is not None})

    def test_first(self):
        old = self.link()
        self.server.stop()
        self.server.start()
        code = self.link()
        self.problem(self.setup(old), "bad-invite", "code")  # each start makes a new one
        for bad in ("x", code[:-1], code.swapcase(), "' OR true --", "A" * 43):
            self.problem(self.setup(bad), "bad-invite", "code")
        self.problem(self.setup(code, None), "missing-field", "name")
        self.problem(self.setup(code, "Root!"), "bad-value", "name")
        self.problem(self.setup(code, password="short"), "bad-value", "password")
        self.problem(self.setup(code, "administrator", "Administrator"), "bad-value",
                     "password")
        psql(self.server.db, "UPDATE setup_links SET expires_at = now()")
        self.problem(self.setup(code), "bad-invite", "code")
        psql(self.server.db, "UPDATE setup_links SET expires_at = now() + interval '1 day'")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            got = list(pool.map(lambda name: self.setup(code, name).status, ("one", "two")))
        self.assertEqual(got.count(201), 1, got)
        self.assertEqual(psql(self.server.db, "SELECT count(*) FROM users"), "1")
        self.problem(self.setup(code), "bad-invite", "code")
        # with an administrator there is no more such link
        self.server.stop()
        self.server.start()
        name = psql(self.server.db, "SELECT name FROM users")
        self.assertEqual(psql(self.server.db, "SELECT count(*) FROM setup_links"), "0")
        self.invitations(name)

    def invitations(self, name):
        """chorusd admin invite: new people, and whoever lost everything."""
        new = "yet another password"
        psql(self.server.db, f"UPDATE users SET disabled = true WHERE name = '{name}'")
        link = self.server.run("admin", "invite", name, "--url", "https://x.example")
        self.assertTrue(link.startswith("https://x.example/#setup="), link)
        self.problem(self.setup(code_of(link), "other", new), "bad-value", "name")
        self.assertEqual(self.setup(code_of(link), None, new).json,
                         {"name": name, "role": "admin"})
        body = {"name": name, "password": new}
        self.assertEqual(self.server.post("/session", body).status, 201)
        link = self.server.run("admin", "invite", "guest", "--role", "viewer")
        self.assertEqual(self.setup(code_of(link), None).json,
                         {"name": "guest", "role": "viewer"})
        for words in (("invite", "a b"), ("invite", "x", "--role", "king"), ("invite",)):
            status, message = self.server.fails("admin", *words, "--db", self.server.db)
            self.assertNotEqual(status, 0, words)
            self.assertIn("chorusd:", message)
        token = self.server.run("admin", "create", "reader", "--role", "viewer").strip()
        bearer = {"headers": {"Authorization": "Bearer " + token}}
        self.assertEqual(self.server.get("/users", **bearer).status, 200)
        self.assertEqual(self.server.post("/users", {}, **bearer).slug, "forbidden")
