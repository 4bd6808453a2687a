# SPDX-License-Identifier: Apache-2.0
"""What somebody would try who means no good: everybody at every route, as the route table says
it; forged requests, planted sessions; text that is no text for pages, statements or paths;
requests that two readers would read differently; connections that never end."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import resource
import secrets
import socket
import subprocess
import time

import yaml

import harness
from harness import SOURCE, Reply, Scenario, program, read_spec, until
from voice import VECTOR, Key, Voice, choir, play

ROLES = ("viewer", "operator", "admin")
PASSWORD = "a horse, a battery, a staple"
ZERO = "00" * 32
AUTH = {"unauthenticated", "forbidden", "wrong-csrf-token"}
MEDIA = {"chunk": "application/octet-stream", "csv": "text/csv", "text": "text/plain"}


def route_table():
    done = subprocess.run([program("chorusd"), "routes"], capture_output=True, check=True)
    return json.loads(done.stdout)


def send(server, method, path, body=None, headers=None, limit=20):
    """As http.client sends it: nothing in the path is mended on the way."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=limit)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Length"] = str(len(body))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Browser:
    """A session: its cookie, and its token against forged requests."""

    def __init__(self, server, cookie, csrf):
        self.server, self.cookie, self.csrf = server, cookie, csrf

    def headers(self, **more):
        return {"Cookie": f"chorus_session={self.cookie}", "X-Chorus-Csrf": self.csrf, **more}

    def send(self, method, path, value=None, **more):
        body = None if value is None else json.dumps(value).encode()
        kind = {} if value is None else {"Content-Type": "application/json"}
        return send(self.server, method, "/api/v1" + path, body, {**self.headers(), **kind, **more})


class Attack(Scenario):
    LIMIT = 120
    SANITIZED = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.table = route_table()
        cls.tokens, cls.planted = {}, {}
        for role in ROLES:
            made = cls.server.admin("POST", "/users", {"name": f"the-{role}", "role": role}).must(201)
            code = made.json["link"].partition("#setup=")[2]
            cls.server.post("/setup", {"code": code, "password": PASSWORD}).must(201)
            cls.tokens[role] = cls.token_of(role)

    @classmethod
    def token_of(cls, role, model=None):
        body = {"name": "t", "role": role, "model": model, "expires_in": None}
        return cls.plant(role).send("POST", "/tokens", body).must(201).json["token"]

    @classmethod
    def plant(cls, role):
        """A session without the time that a login takes."""
        if not cls.planted.get(role):
            cls.planted[role] = [secrets.token_urlsafe(32) for _ in range(150)]
            values = ", ".join(f"('{cookie}')" for cookie in cls.planted[role])
            cls.server.database.query(
                "INSERT INTO sessions (hash, owner, expires_at, address, agent) SELECT "
                f"sha256(c::bytea), id, now() + interval '1 hour', 'x', 'x' FROM (VALUES {values}) "
                f"v(c), users WHERE name = 'the-{role}'")
        cookie = cls.planted[role].pop()
        mac = hmac.digest(cookie.encode(), b"chorus/v1/csrf", "sha256")
        return Browser(cls.server, cookie, base64.urlsafe_b64encode(mac).decode().rstrip("="))

    def login(self, name, **headers):
        body = json.dumps({"name": name, "password": PASSWORD}).encode()
        return send(self.server, "POST", "/api/v1/session", body,
                    {"Content-Type": "application/json", **headers})

    @staticmethod
    def cookie_of(reply):
        return reply.headers["Set-Cookie"].partition("chorus_session=")[2].partition(";")[0]

    def unchanged(self):
        """Everything but sessions, which are seen, what tells when a token was used, and what
        threads of the server's own write."""
        return self.server.database.fingerprint(without=(
            "sessions", "admin_tokens", "login_attempts", "jobs", "log_entries", "log_tiles",
            "log_head", "log_checkpoints", "log_pending"))

    # ---- addresses

    FILL = {"model": "nothing", "ctx": ZERO, "type": "open", "index": "0", "path*": "0/000",
            "hash": ZERO, "key": ZERO, "name": "nobody", "address": "0x" + "11" * 20, "n": "1"}

    def address(self, pattern, **fill):
        if pattern == "/api/v1/events":
            return pattern + "?ctx=none"  # else it would not end
        number = re.search(r"/(sessions|tokens|payouts|drafts|webhooks)/\{id\}", pattern)
        values = {**self.FILL, "id": "999999" if number else ZERO, **fill}
        return re.sub(r"\{([^}]+)\}", lambda m: values.get(m[1], "0"), pattern)

    @staticmethod
    def body(route):
        """Something of the right kind that no handler takes."""
        if route["method"] in ("GET", "DELETE"):
            return None, {}
        kind = next((m for f, m in MEDIA.items() if f in route["flags"]), "application/json")
        return b'{"nonsense":1}', {"Content-Type": kind}

    def ask(self, route, headers, **fill):
        body, kind = self.body(route)
        return send(self.server, route["method"], self.address(route["pattern"], **fill), body,
                    {**kind, **headers})


# ---------------------------------------------------------------- who may do what

class EachRoleAtEachRoute(Attack):
    """Generated from the route table, so that no route is left out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.make_model("mine", read_spec("iris"))
        cls.server.make_model("theirs", read_spec("iris"))
        cls.ctx = {slug: cls.server.open_round(slug) for slug in ("mine", "theirs")}

    def person_only(self, route):
        """One's own account, and making tokens: in a session."""
        return "own" in route["flags"] or (route["method"], route["pattern"]) == (
            "POST", "/api/v1/tokens")

    def expected(self, route, role, by_token):
        """The slug, or None where the handler is reached."""
        who = route["who"]
        if who == "public":
            return None
        if who == "participant" and "member" in route["flags"]:
            return "forbidden" if role else "unauthenticated"
        if who == "participant":
            return "unauthenticated" if route["method"] == "GET" else None
        if role is None:
            return "unauthenticated"
        if ROLES.index(role) < ROLES.index(who) or (by_token and self.person_only(route)):
            return "forbidden"
        return None

    def judge(self, what, reply, expected):
        slug = reply.slug if reply.is_problem else ""
        if expected:
            self.assertEqual(slug, expected, f"{what}: {reply.status} {reply.body[:200]}")
        else:
            self.assertNotIn(slug, AUTH, what)
        self.assertLess(reply.status, 500, f"{what}: {reply.body[:200]}")

    def test_refused_or_allowed_as_the_table_says(self):
        before, asked = self.unchanged(), 0
        fill = {"model": "theirs-not", "ctx": ZERO}
        for route in self.table:
            for role in (None, *ROLES):
                for by_token in (False, True):
                    what = f"{route['method']} {route['pattern']} by {role}, {by_token}"
                    if by_token and role is None:
                        headers = {"Authorization": "Bearer " + secrets.token_urlsafe(32)}
                        if route["who"] == "public":
                            continue
                    elif by_token:
                        headers = {"Authorization": "Bearer " + self.tokens[role]}
                    else:  # a session for each: some of these routes end it
                        headers = self.plant(role).headers() if role else {}
                    self.judge(what, self.ask(route, headers, **fill),
                               self.expected(route, role, by_token))
                    if "own" in route["flags"]:
                        self.planted.clear()  # it may have ended them all
                    asked += 1
        self.assertGreater(asked, 600)
        self.assertEqual(self.unchanged(), before, "something was changed")

    def test_a_participant_is_nobody_among_people(self):
        key = Key()
        headers = {"Authorization": key.fetch_header(ZERO)}
        for route in self.table:
            if route["who"] in ROLES:
                self.judge(f"{route['method']} {route['pattern']} by a participant",
                           self.ask(route, headers), "unauthenticated")

    def test_a_token_of_another_model(self):
        """It reaches its model, that model's rounds, and what is public."""
        token = {"Authorization": "Bearer " + self.token_of("admin", "mine")}
        mine = {"model": "mine", "ctx": self.ctx["mine"]}
        theirs = {"model": "theirs", "ctx": self.ctx["theirs"]}
        before = self.unchanged()
        inside = 0
        for route in self.table:
            what = f"{route['method']} {route['pattern']} by a token of another model"
            if route["who"] not in ROLES or "scoped" in route["flags"]:
                continue
            self.judge(what, self.ask(route, token, **theirs), "forbidden")
            if re.match(r"/api/v1/(models/\{model\}|rounds/\{ctx\})", route["pattern"]) \
                    and route["method"] == "GET":
                self.judge(what, self.ask(route, token, **mine), None)
                inside += 1
        self.assertGreater(inside, 1)
        for slug, wanted in (("theirs", "forbidden"), ("mine", "missing-field")):
            body = json.dumps({"model": slug}).encode()
            reply = send(self.server, "POST", "/api/v1/invites", body,
                         {**token, "Content-Type": "application/json"})
            self.assertIn(reply.slug, {wanted, "missing-field"})
        invite = {"model": "theirs", "organisation": None, "count": 1, "expires_in": 60,
                  "admit": True}
        self.server.post("/invites", invite, auth=token["Authorization"]).refused("forbidden", 403)
        model = {"model": "stolen", "spec": read_spec("iris")}
        self.server.post("/models", model, auth=token["Authorization"]).refused("forbidden", 403)
        self.assertEqual(self.unchanged(), before, "something was changed")

    def test_what_belongs_to_others(self):
        """Sessions and tokens of others: not there."""
        viewer, admin = self.plant("viewer"), self.plant("admin")
        theirs = admin.send("GET", "/sessions?limit=200").must().json["sessions"]
        of_admin = [s["id"] for s in theirs if s["user"] == "the-admin"]
        self.assertTrue(of_admin)
        seen = viewer.send("GET", "/sessions?limit=200").must().json["sessions"]
        self.assertEqual({s["user"] for s in seen}, {"the-viewer"})
        tokens = admin.send("GET", "/tokens?limit=200").must().json["tokens"]
        for token in tokens:
            if token["user"] != "the-viewer":
                viewer.send("DELETE", f"/tokens/{token['id']}").refused("not-found", 404)
        for number in of_admin:
            viewer.send("DELETE", f"/sessions/{number}").refused("not-found", 404)
        self.assertEqual(admin.send("GET", "/session").status, 200)
        operator = self.plant("operator")
        for role in ("admin", "operator"):
            body = {"name": "x", "role": role, "model": None, "expires_in": None}
            self.assertEqual(viewer.send("POST", "/tokens", body).slug, "forbidden")
        operator.send("PUT", "/users/the-operator", {"role": "admin"}).refused("forbidden", 403)


class AnotherParticipant(Attack):
    def test_boxes_and_vectors_are_for_their_own(self):
        voices = choir(self.server, "numbers", 3, VECTOR)
        ctx = self.server.open_round("numbers")
        play(voices, ctx)
        voice, path = voices[0], f"/rounds/{ctx}/boxes"
        self.server.get(path, auth=voice.key.fetch_header(ctx)).must()
        good = voice.key.fetch_header(ctx)
        other = Key()
        stolen = good.replace(voice.id, voices[1].id)
        for auth, slug in ((None, "unauthenticated"), (stolen, "bad-signature"),
                           (voice.key.fetch_header(ZERO), "bad-signature"),
                           (other.fetch_header(ctx), "not-in-round"),
                           (good[:-2] + "00", "bad-signature"),
                           (good.upper(), "unauthenticated"),
                           ("Bearer " + self.tokens["admin"], "unauthenticated")):
            self.server.get(path, auth=auth).refused(slug)
        # somebody else's event, and one's own for somebody else
        event = voice.join_body(ctx)["event"]
        for changes in ({"participant": other.id}, {"ctx": ZERO}, {"instance": ZERO}):
            self.server.post(f"/rounds/{ctx}/joins", {"event": {**event, **changes}}).refused(
                "wrong-context" if "participant" not in changes else "bad-signature")


# ---------------------------------------------------------------- sessions

class Forged(Attack):
    """A page of another site makes the browser send its cookie."""

    def test_each_route_that_changes(self):
        before, asked = self.unchanged(), 0
        other = self.plant("admin")
        for route in self.table:
            if route["who"] not in ROLES or route["method"] == "GET":
                continue
            mine = self.plant("admin")
            cookie, csrf = {"Cookie": f"chorus_session={mine.cookie}"}, mine.csrf
            for headers in ({}, {"X-Chorus-Csrf": ""}, {"X-Chorus-Csrf": "x"},
                            {"X-Chorus-Csrf": other.csrf}, {"X-Chorus-Csrf": csrf[:-1]},
                            {"X-Chorus-Csrf": csrf + "x"}, {"X-Chorus-Csrf": csrf.swapcase()},
                            {"X-Chorus-Csrf": csrf, "Origin": "https://evil.example"},
                            {"X-Chorus-Csrf": csrf, "Origin": "null"},
                            {"X-Chorus-Csrf": csrf, "Origin":
                             f"http://127.0.0.1:{self.server.port}.evil.example"}):
                reply = self.ask(route, {**cookie, **headers})
                self.assertEqual(reply.slug, "wrong-csrf-token",
                                 f"{route['method']} {route['pattern']} {headers}")
                asked += 1
        self.assertGreater(asked, 200)
        self.assertEqual(self.unchanged(), before, "something was changed")

    def test_logging_in_from_another_site(self):
        self.assertEqual(self.login("the-admin", Origin="https://evil.example").slug,
                         "wrong-csrf-token")
        body = json.dumps({"code": "x", "password": PASSWORD}).encode()
        reply = send(self.server, "POST", "/api/v1/setup", body, {
            "Content-Type": "application/json", "Origin": "https://evil.example"})
        self.assertEqual(reply.slug, "wrong-csrf-token")

    def test_a_form_cannot_be_one(self):
        """What a form of another site can send is not taken as JSON."""
        admin = self.plant("admin")
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            reply = send(self.server, "POST", "/api/v1/users", b'{"name":"eve","role":"admin"}',
                         admin.headers(**{"Content-Type": kind}))
            self.assertEqual(reply.slug, "unsupported-media-type")


class Planted(Attack):
    """Session fixation: a secret that somebody else chose never becomes a session."""

    def test_the_cookie_is_always_new(self):
        chosen = secrets.token_urlsafe(32)
        reply = self.login("the-viewer", Cookie=f"chorus_session={chosen}").must(201)
        cookie = self.cookie_of(reply)
        self.assertNotEqual(cookie, chosen)
        for dead in (chosen, cookie[:-1], cookie + "x", cookie.swapcase(), "", "x" * 5000):
            reply = send(self.server, "GET", "/api/v1/session",
                         headers={"Cookie": f"chorus_session={dead}"})
            self.assertEqual((reply.status, reply.slug), (401, "unauthenticated"), dead)
        set_cookie = self.login("the-viewer").headers["Set-Cookie"]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(word, set_cookie)
        self.assertNotIn("Domain", set_cookie)

    def test_a_session_that_was_there_ends(self):
        """A browser in which somebody was logged in already: that session is over."""
        first = self.cookie_of(self.login("the-viewer").must(201))
        second = self.cookie_of(self.login("the-operator",
                                           Cookie=f"chorus_session={first}").must(201))

        def status(cookie):
            return send(self.server, "GET", "/api/v1/session",
                        headers={"Cookie": f"chorus_session={cookie}"}).status
        self.assertEqual((status(first), status(second)), (401, 200))

    def test_a_new_password_ends_the_stolen_one(self):
        reply = self.login("the-operator").must(201)
        stolen = Browser(self.server, self.cookie_of(reply), reply.json["csrf"])
        reply = self.login("the-operator").must(201)
        own = Browser(self.server, self.cookie_of(reply), reply.json["csrf"])
        new = {"old": PASSWORD, "new": PASSWORD}
        changed = own.send("PUT", "/session/password", new).must()
        self.assertNotEqual(self.cookie_of(changed), own.cookie)
        for dead in (stolen, own):
            dead.send("GET", "/session").refused("unauthenticated", 401)
        after = Browser(self.server, self.cookie_of(changed), own.csrf)
        after.send("DELETE", "/session").refused("wrong-csrf-token", 403)


class Guessed(Attack):
    """Tokens and passwords that are tried out."""

    def test_tokens(self):
        """However many are wrong, the right one goes on working, and a wrong one says nothing:
        one that differs in its last letter gets what nonsense gets."""
        good, bodies = self.tokens["viewer"], set()
        near = [good[:n] + secrets.token_urlsafe(32)[n:len(good)] for n in range(0, len(good), 4)]
        for guess in [*near, good[:-1], good + "x", good.swapcase(), "%00", "*", "' OR 1=1 --"]:
            reply = send(self.server, "GET", "/api/v1/participants",
                         headers={"Authorization": "Bearer " + guess})
            self.assertEqual(reply.status, 401, guess)
            bodies.add(reply.body)
        self.assertEqual(len(bodies), 1, bodies)
        self.assertEqual(self.server.get("/participants", auth="Bearer " + good).status, 200)

    def test_passwords(self):
        """After the sixth the next one waits, the right password too; an unknown name is no different."""
        def guess(name, password="a donkey, a donkey"):
            reply = self.server.post("/session", {"name": name, "password": password})
            return reply.slug, reply.headers.get("Retry-After"), reply.json.get("detail")
        self.server.database.query("TRUNCATE login_attempts")
        for name in ("the-viewer", "not-there"):
            told = [guess(name) for _ in range(7)]
            self.assertEqual({t[0] for t in told[:6]}, {"wrong-login"}, told)
            self.assertEqual(told[6][0], "too-many-requests", told)
            self.assertGreaterEqual(int(told[6][1]), 1)
            self.assertEqual(guess(name, PASSWORD)[0], "too-many-requests")
        reply = self.login("the-admin")
        self.assertEqual(reply.status, 201, "another name waits too")
        self.server.database.query("TRUNCATE login_attempts")

    def test_links_and_invites(self):
        self.server.database.query("TRUNCATE login_attempts")
        for code in ("", "x", "../../", secrets.token_urlsafe(32), "' OR 1=1 --"):
            reply = self.server.post("/setup", {"code": code, "password": PASSWORD})
            self.assertIn(reply.slug, {"bad-invite", "bad-value"})
        self.server.database.query("TRUNCATE login_attempts")


# ---------------------------------------------------------------- text that is no text

SCRIPTS = ('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "javascript:alert(1)",
           "</textarea><svg onload=alert(1)>", "{{constructor.constructor('alert(1)')()}}",
           "'-alert(1)-'", "<!--<script>", "\u2028alert(1)//", "data:text/html,<script>1</script>")
STATEMENTS = ("'", "''", '"', "' OR '1'='1", "1; DROP TABLE events; --", "'; SELECT pg_sleep(4); --",
              "\\'; DROP TABLE models; --", "1) UNION SELECT hash FROM admin_tokens --", "$1", "%s",
              "{1,2}", "(SELECT 1)", "0x27", "-1", "1e9", "99999999999999999999", "999999999999999",
              "\\x00", "NaN", "infinity", "null")
#: Percent-encoded: bytes that no text holds.
BYTES = ("%00", "a%00b", "%ff", "%c0%ae", "%f0%28%8c%28", "%ed%a0%80", "%27", "%0d%0a", "%", "%zz")


class Scripts(Attack):
    """Whatever people may write comes back in JSON only, as the same text, with nosniff and a
    policy that runs nothing. What the pages make of it is tested with a browser."""

    def harmless(self, reply, what):
        kind = reply.headers["Content-Type"].partition(";")[0]
        self.assertIn(kind, {"application/json", "application/problem+json"}, what)
        self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff", what)
        self.assertIn("default-src 'none'", reply.headers["Content-Security-Policy"], what)
        json.loads(reply.body)

    def spec(self, text):
        spec = read_spec("german_credit")
        spec.update(name=text, purpose=text, consent=text)
        spec["features"][0]["name"] = text
        return spec

    def test_what_people_write(self):
        api, admin = self.server, self.plant("admin")
        for number, text in enumerate(SCRIPTS):
            slug, sees = f"model-{number}", text
            made = api.admin("POST", "/models", {"model": slug, "spec": self.spec(sees)})
            self.assertEqual(made.status, 201, made.body)
            self.assertEqual(made.json["purpose"], text)
            voice, = choir(api, f"with-{number}", 1, {**VECTOR, "name": text, "consent": text})
            token = {"name": text[:100], "role": "viewer", "model": None, "expires_in": 60}
            admin.send("POST", "/tokens", token).must(201)
            api.admin("POST", "/drafts", {"name": text, "content": {text: text}}).must(201)
            api.admin("POST", "/users", {"name": text, "role": "viewer"}).refused("bad-value")
            self.harmless(made, text)
            replies = [api.admin("GET", path) for path in (
                "/models?limit=200", f"/models/{slug}", f"/models/{slug}/spec", "/drafts?limit=200",
                f"/participants/{voice.id}", "/participants?limit=200", "/tokens?limit=200",
                f"/models/with-{number}/members", "/log/entries?limit=200")]
            for reply in replies:
                self.harmless(reply, reply.body[:80])
        self.assertIn(json.dumps(SCRIPTS[0])[1:-1], replies[0].body.decode())
        card = api.get("/models/model-0/card")
        self.assertTrue(card.headers["Content-Type"].startswith("text/markdown"))
        self.assertEqual(card.headers["X-Content-Type-Options"], "nosniff")

    def test_a_name_that_is_a_script(self):
        link, = self.server.invite(self.made("named"), 1)
        voice = Voice(self.server, SCRIPTS[0]).enrol(link)
        members = self.server.admin("GET", "/models/named/members")
        self.assertEqual(members.json["members"][0]["name"], SCRIPTS[0])
        self.harmless(members, voice.id)

    def made(self, slug):
        self.server.make_model(slug, VECTOR)
        return slug

    def test_what_is_said_back(self):
        """Errors quote what was sent, and sessions the browser's name for itself."""
        for text in SCRIPTS:
            quoted = "".join(f"%{byte:02x}" for byte in text.encode())
            for path in (f"/models?limit={quoted}", f"/models/{quoted}", f"/payouts?state={quoted}",
                         f"/log/entries?model={quoted}", f"/{quoted}"):
                self.harmless(send(self.server, "GET", "/api/v1" + path,
                                   headers={"Authorization": f"Bearer {self.server.token}"}), path)
            self.harmless(self.server.post("/participants", {text: 1}), text)
        reply = self.login("the-viewer", **{"User-Agent": SCRIPTS[1]}).must(201)
        mine = Browser(self.server, self.cookie_of(reply), reply.json["csrf"])
        self.harmless(mine.send("GET", "/sessions"), "sessions")


class Statements(Attack):
    """Fragments of SQL, numbers beyond all bounds, and bytes that are no text, in every place
    that takes anything: never a 5xx, never slow, and nothing is changed by reading."""

    LIMIT = 240

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.make_model("mine", read_spec("iris"))
        with open(os.path.join(SOURCE, "docs", "openapi.yaml"), encoding="utf-8") as source:
            cls.document = yaml.safe_load(source)

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation

    def resolve(self, value):
        return self.document["components"]["parameters"][value["$ref"].split("/")[-1]] \
            if "$ref" in value else value

    def fine(self, what, method, path, body=None, headers=None):
        began = time.monotonic()
        reply = send(self.server, method, path, body, {
            "Authorization": f"Bearer {self.server.token}", **(headers or {})})
        self.assertLess(reply.status, 500, f"{what}: {reply.body[:300]}")
        self.assertLess(time.monotonic() - began, 3 * harness.Settings.slow, what)
        return reply

    @staticmethod
    def quote(text):
        return "".join(f"%{byte:02x}" for byte in text.encode())

    def test_in_every_query(self):
        before, asked = self.unchanged(), 0
        for method, path, operation in self.operations():
            names = [p["name"] for p in map(self.resolve, operation.get("parameters", []))
                     if p["in"] == "query" and p["name"] != "wait"]
            if method != "GET" or path == "/api/v1/events":
                continue
            at = self.address(path.replace("{path}", "{path*}"), model="mine")
            for name in names:
                for text in [*map(self.quote, STATEMENTS), *BYTES]:
                    self.fine(f"{path}?{name}={text}", "GET", f"{at}?{name}={text}")
                    asked += 1
        self.assertGreater(asked, 1000)
        self.assertEqual(self.unchanged(), before)

    def test_in_every_address(self):
        before, asked = self.unchanged(), 0
        for method, path, operation in self.operations():
            for name in re.findall(r"\{(\w+)\}", path):
                for text in [*map(self.quote, STATEMENTS), *BYTES, "'", ";", "~"]:
                    at = self.address(path, **{name: text, **({} if name == "model" else
                                                               {"model": "mine"})})
                    body, kind = (None, {}) if method in ("GET", "DELETE") else (
                        b"{}", {"Content-Type": "application/json"})
                    self.fine(f"{method} {at}", method, at, body, kind)
                    asked += 1
        self.assertGreater(asked, 1000)
        self.assertEqual(self.unchanged(), before)

    def test_bytes_that_are_no_text(self):
        """Raw, not quoted: http.client would not send them."""
        for path in (b"/api/v1/models/\xff\xfe", b"/api/v1/users/\xff\xfe", b"/api/v1/models?cursor=\xff",
                     b"/api/v1/participants/" + ZERO.encode() + b"/statement?model=\xff",
                     b"/api/v1/log/entries?model=\xff\xfe", b"/api/v1/users?cursor=\xff",
                     b"/api/v1/users/\xc3\x28", b"/api/v1/models/\x7f"):
            for method in (b"GET", b"PUT"):
                got = raw(self.server, method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n"
                          b"Authorization: Bearer " + self.server.token.encode() +
                          b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                          b"Connection: close\r\n\r\n{}")
                self.assertRegex(got[:12], rb"HTTP/1\.1 4", f"{method} {path}: {got[:300]}")

    def test_where_something_is_found(self):
        """What is looked up further in, behind things that exist."""
        voice, = choir(self.server, "found", 1)
        for text in ("%ff", "a%00b", "%ed%a0%80", "X", ""):
            reply = self.fine(text, "GET", f"/api/v1/participants/{voice.id}/statement?model={text}")
            self.assertEqual((reply.slug, reply.json["field"]), ("bad-value", "model"))
        for age in ("315360001", "999999999999999"):
            reply = self.fine(age, "GET", f"/api/v1/models/found/claims?age={age}")
            self.assertEqual((reply.slug, reply.json["field"]), ("bad-value", "age"))

    def test_in_every_body(self):
        """Each text of the description's own examples, one at a time."""
        asked = 0
        for method, path, operation in self.operations():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" not in content or path.endswith("/session"):
                continue  # logging in would lock itself out; Guessed tries that
            at = self.address(path, model="mine")
            for place in places(content["example"]):
                for text in ("' OR '1'='1", "'; DROP TABLE events; --", "\x7f", "9" * 400, "é\U0001F600"):
                    body = json.dumps(replaced(content["example"], place, text)).encode()
                    self.fine(f"{method} {at} {place} {text}", method, at, body,
                              {"Content-Type": "application/json"})
                    asked += 1
        self.assertGreater(asked, 200)
        self.assertEqual(self.server.get("/log/entries?limit=1").must().json["entries"][0]["leaf"], 0)


def places(value, path=()):
    """Where the texts of a JSON value are."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def replaced(value, place, text):
    copy = json.loads(json.dumps(value))
    if not place:
        return text
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = text
    return copy


class Paths(Attack):
    """Files of the machine through addresses."""

    UPS = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%5c", "..\\", "....//",
           "..;/", "%c0%ae%c0%ae/", ".%00./", "%2e%2e%00/", "..%ef%bc%8f")
    FILES = ("etc/passwd", "etc/passwd%00.css", "proc/self/environ", "proc/self/cmdline")

    def test_no_file(self):
        index = send(self.server, "GET", "/")
        for base in ("/", "/api/v1/", "/assets/", "/assets/x/", "/api/v1/log/tile/",
                     "/api/v1/log/tile/entries/", "/api/v1/models/", "//", "/assets//"):
            for up in self.UPS:
                for file in self.FILES:
                    path = base + up * 8 + file
                    got = raw(self.server, b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n"
                              b"Connection: close\r\n\r\n")
                    self.harmless(path, got, index)
        for target in ("/assets/%2fetc%2fpasswd", "file:///etc/passwd", "http://x/etc/passwd",
                       "/assets//etc/passwd", "/assets/", "/assets", "/assets/.", "/assets/..",
                       "*", "etc/passwd"):
            got = raw(self.server, b"GET " + target.encode() + b" HTTP/1.1\r\nHost: x\r\n"
                      b"Connection: close\r\n\r\n")
            self.harmless(target, got, index)

    def harmless(self, path, got, index):
        """Refused, or the one page that stands for all that is no interface."""
        self.assertNotIn(b"root:", got, path)
        self.assertNotIn(b"PATH=", got, path)
        self.assertNotIn(b"chorusd\x00serve", got, path)
        head, _, body = got.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200"):
            self.assertEqual((body, index.status), (index.body, 200), path)
        else:
            self.assertRegex(head, rb"^HTTP/1\.1 4\d\d", path)


# ---------------------------------------------------------------- the wire

def raw(server, data, limit=3, pause=None):
    """All that comes back until the server closes or is silent."""
    got = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=limit) as s:
        try:
            s.sendall(data)
            while True:
                more = s.recv(65536)
                if not more:
                    break
                got += more
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
    return got


class Smuggled(Attack):
    """Where two readers could disagree how long a request is, it is refused, and what is hidden
    behind it is not carried out."""

    FLAGS = ("--timeout", "2")
    HIDDEN = (b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
              b"Content-Type: application/json\r\nContent-Length: 34\r\n\r\n"
              b'{"name":"smuggled","role":"admin"}')

    def attempts(self):
        hidden = self.HIDDEN % self.server.token.encode()
        start = b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n"
        chunked = b"0\r\n\r\n" + hidden
        lengths = b"Content-Length: %d\r\n" % len(chunked)
        yield "CL.TE", start + lengths + b"Transfer-Encoding: chunked\r\n\r\n" + chunked
        yield "TE.CL", (start + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
                        + b"%x\r\n" % len(hidden) + hidden + b"\r\n0\r\n\r\n")
        for coding in (b"xchunked", b"chunked, identity", b"identity, chunked", b" chunked", b"\tchunked",
                       b"Chunked", b"chunked\x0b", b"\x00chunked", b"gzip, chunked", b'"chunked"'):
            yield f"TE {coding}", (start + lengths + b"Transfer-Encoding:" + coding + b"\r\n\r\n"
                                   + chunked)
        for header in (b"Transfer-Encoding : chunked", b" Transfer-Encoding: chunked",
                       b"X: y\nTransfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked",
                       b"Transfer-Encoding\t: chunked", b"Transfer-Encoding:\r\n chunked"):
            yield f"header {header}", start + lengths + header + b"\r\n\r\n" + chunked
        for first, second in ((b"0", b"%d" % len(hidden)), (b"%d" % len(hidden), b"0"),
                              (b"5", b"5, 0"), (b"2, 2", b"2"), (b"0,0", b"0"), (b"+0", b"0"),
                              (b"0x0", b"0"), (b"-1", b"0"), (b"0 0", b"0"), (b"\x000", b"0")):
            yield f"two lengths {first} {second}", (
                start + b"Content-Length: " + first + b"\r\nContent-Length: " + second
                + b"\r\n\r\n" + hidden)
        for one in (b"+0", b"0x0", b"-0", b"0,0", b"0 0", b"1e1", b"00x", b"\x000", b"18446744073709551616"):
            yield f"length {one}", start + b"Content-Length: " + one + b"\r\n\r\n" + hidden
        for fold in (b"Content-Length: 0\r\n 99", b"Content-Length: 99\r\n\t0", b"Content-Length:\r\n 0",
                     b"content-length: 0\r\n x", b"Transfer-Encoding: chunked\r\n x",
                     b"Transfer-Encoding: x\r\n chunked", b"Content: x\r\n -Length: 0",
                     b"Content-Length : 0", b" Content-Length: 0", b"Content-Length\t: 9"):
            yield f"folded {fold}", start + fold + b"\r\n\r\n" + hidden
        yield "folded length", start + b"Content-Length: 0\r\n 99\r\n\r\n" + hidden

    def test_nothing_is_carried_out(self):
        for what, data in self.attempts():
            got = raw(self.server, data, limit=4)
            answers = got.count(b"HTTP/1.1 ") - got.count(b"HTTP/1.1 100")
            self.assertNotIn(b"201 Created", got, what)
            refused = len(re.findall(rb"HTTP/1\.1 4\d\d ", got))
            self.assertEqual(answers, refused, f"{what}: {got[:600]}")
            # libmicrohttpd may begin its own 400 twice before it closes; ours is said once
            self.assertLessEqual(got.count(b"urn:chorus:error:"), 1, what)
            self.assertNotIn(b"unauthenticated", got, what)
        there = self.server.admin("GET", "/users?limit=200").json["users"]
        self.assertNotIn("smuggled", [user["name"] for user in there])

    def test_the_hidden_request_is_a_real_one(self):
        """Else this suite could not fail."""
        got = raw(self.server, self.HIDDEN % self.server.token.encode(), limit=2)
        self.assertIn(b"201 Created", got)
        self.server.database.query("DELETE FROM setup_links; DELETE FROM users WHERE name = 'smuggled'")

    def test_headers_that_are_none(self):
        ok = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n"
        for extra in (b"X: a\x00b\r\n", b"X\x00: a\r\n", b": empty\r\n", b"X" * 300000 + b": a\r\n",
                      b"X: " + b"a" * 300000 + b"\r\n", b"".join(b"X%d: a\r\n" % i for i in range(30000)),
                      b"X: a\r\n b\r\n", b"X : a\r\n", b"\xff: a\r\n", b"X: \xff\r\n"):
            got = raw(self.server, ok + extra + b"\r\n", limit=4)
            self.assertLessEqual(got.count(b"HTTP/1.1 "), 1, extra[:40])
            self.assertNotRegex(got, rb"HTTP/1\.1 5\d\d", extra[:40])
        self.assertEqual(self.server.get("/health").status, 200)

    def test_answers_cannot_be_split(self):
        """What comes back in headers holds no line breaks of a caller."""
        for text in ("%0d%0aX-Evil:1", "%0aX-Evil:1", "%0d%0a%0d%0a<script>", "%E5%98%8A%E5%98%8DX-Evil:1"):
            for path in (f"/api/v1/models?cursor={text}", f"/api/v1/{text}", f"/{text}"):
                got = raw(self.server, f"GET {path} HTTP/1.1\r\nHost: x{text}\r\nX-Request-Id: {text}\r\n"
                          "Connection: close\r\n\r\n".encode())
                self.assertNotIn(b"\nX-Evil", got.partition(b"\r\n\r\n")[0], path)


class Slow(Attack):
    """Connections that never say anything to the end: others are served meanwhile."""

    FLAGS = ("--timeout", "4", "--connections", "12000", "--connections-per-address", "2200")
    LIMIT = 180
    SANITIZED = False  # it is about time

    def promptly(self, what):
        began = time.monotonic()
        self.server.get("/ready").must()
        took = time.monotonic() - began
        self.assertLess(took, 1 * harness.Settings.slow, what)
        return took

    def trickle(self, start, count=200):
        open_ones = []
        for _ in range(count):
            s = socket.create_connection(("127.0.0.1", self.server.port), timeout=10)
            s.sendall(start)
            open_ones.append(s)
        worst, end = 0, time.monotonic() + 12
        while open_ones and time.monotonic() < end:
            worst = max(worst, self.promptly(f"{len(open_ones)} trickles"))
            for s in list(open_ones):
                try:
                    s.setblocking(False)
                    if s.recv(4000) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    pass
                except OSError:
                    open_ones.remove(s)
                    s.close()
            time.sleep(0.3)
        left = len(open_ones)
        for s in open_ones:
            s.close()
        return left, worst

    def test_headers_and_bodies_that_do_not_end(self):
        for start in (b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: ",
                      b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{"):
            left, _ = self.trickle(start)
            self.assertEqual(left, 0, f"{start[:30]}: still open")

    def drip(self, start, limit):
        """Sends a byte of a header now and then; how long until it is closed."""
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=1) as s:
            s.sendall(start)
            while time.monotonic() - began < limit:
                try:
                    s.sendall(b"x")
                    if s.recv(4000) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
        return time.monotonic() - began

    def test_headers_that_drip(self):
        """Silence is not the only way to hold a connection: a byte a second is no better, in
        the first request and in a later one."""
        for start in (b"GET /api/v1/hea", b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: ",
                      b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/health HT"):
            took = self.drip(start, 20)
            self.assertLess(took, 13, start)
            self.assertGreater(took, 3, start)

    def test_who_thinks_long_is_not_cut_off(self):
        """A connection that is kept open is not one that drips."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        for _ in range(5):
            connection.request("GET", "/api/v1/health")
            self.assertEqual(connection.getresponse().read(), b'{"status":"ok"}')
            time.sleep(2.5)
        connection.request("GET", "/api/v1/log/checkpoint?wait=12&after=999999")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    def test_ten_thousand_half_open(self):
        """From five addresses, each up to its limit, as many as the file limit lets this program
        hold at a time."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        room = min(10000, hard - 500)
        server_room = int(re.search(r"Max open files\s+(\d+)", open(
            f"/proc/{self.server.process.pid}/limits", encoding="ascii").read())[1]) - 300
        room, made, worst = min(room, server_room), 0, 0
        try:
            while made < 10000:
                worst = max(worst, self.half_open(min(room, 10000 - made)))
                made += min(room, 10000 - made)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        print(f"# {made} half-open connections, {room} at a time; the slowest answer meanwhile took "
              f"{worst * 1000:.0f} ms", flush=True)
        self.assertEqual(made, 10000)

    def half_open(self, count):
        """A request line without an end, from each; the slowest answer to others meanwhile."""
        open_ones, worst = [], 0
        for number in range(count):
            s = socket.socket()
            s.settimeout(10)
            s.bind((f"127.0.0.{2 + number // 2000}", 0))
            s.connect(("127.0.0.1", self.server.port))
            s.sendall(b"GET /api/v1/health HTTP/1.1\r\nHo")
            open_ones.append(s)
            if number % 500 == 499:
                worst = max(worst, self.promptly(f"{number + 1} half-open"))
        for _ in range(5):
            worst = max(worst, self.promptly("all half-open"))
        for s in open_ones:
            s.close()
        until(lambda: self.server.get("/ready").status == 200, 10, "an answer afterwards")
        return worst

    def test_one_address_takes_not_all(self):
        """Beyond its limit a connection of the same address is closed; others come in."""
        open_ones = []
        for _ in range(2400):
            s = socket.socket()
            s.settimeout(5)
            s.bind(("127.0.0.9", 0))
            s.connect(("127.0.0.1", self.server.port))
            open_ones.append(s)
        self.promptly("one address at its limit")
        for s in open_ones:
            s.close()
