# SPDX-License-Identifier: Apache-2.0
"""The cases of the Postman collection, folder by folder, in the order in which they run."""
import json
import os

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: Variables that only a participant's key, or a round that has ended, can give.
GIVEN = {"participant", "participantAuth", "ctx", "model", "newcomerBody",
         "loginBody", "payoutBody", "joinBody", "shareBody", "updateBody", "unmaskBody", "cosignature", "stateCtx",
         "chainModel", "claimant", "heldPayout", "paidPayout", "paidHash"}
#: They do not end, so nobody can wait for the answer.
STREAMS = {"GET /api/v1/events"}
NEVER_REFUSED = {"GET /api/v1/health", "GET /api/v1/ready", "GET /api/v1/instance",
                 "GET /api/v1/openapi.yaml", "GET /api/v1/openapi.json"}
ZERO = "00" * 32
WITNESS = "witness.example/w+76d9f8e5+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_HEX = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
PASSWORD = "a horse, a battery, a staple"

with open(os.path.join(SOURCE, "tests/data/iris.spec.json"), encoding="utf-8") as _source:
    IRIS = json.load(_source)
with open(os.path.join(SOURCE, "tests/data/iris.csv"), encoding="utf-8") as _source:
    IRIS_ROWS = "".join(_source.readlines()[:12])


class Case:
    """One request. slug: it is refused with this problem. needs, without: variables of GIVEN that
    must, and must not, have a value."""

    def __init__(self, name, method, path, status, slug=None, *, who=None, body=None, field=None,
                 checks=(), keep=None, words="", media="application/json", file=None, needs=(),
                 without=(), headers=None, before=(), after=()):
        self.name, self.method, self.path, self.status, self.slug = name, method, path, status, slug
        self.who, self.body, self.field, self.checks = who, body, field, list(checks)
        self.keep, self.words, self.media, self.file = keep or {}, words, media, file
        self.needs, self.without, self.headers = list(needs), list(without), headers or {}
        self.before, self.after = list(before), list(after)

    def title(self):
        return f"{self.status} {self.slug}" if self.slug else f"{self.status}: {self.name}"


def good(name, method, path, status=200, **more):
    return Case(name, method, path, status, **more)


def bad(name, method, path, status, slug, **more):
    return Case(name, method, path, status, slug, **more)


def get(name, path, *checks, **more):
    return good(name, "GET", path, checks=checks, **more)


def missing(name, path, method="GET", **more):
    return bad(name, method, path, 404, "not-found", **more)


def nobody(name, method, path, **more):
    return bad(name, method, path, 401, "unauthenticated", **more)


def page_of(noun, path, **more):
    """A list: a page, a limit that is too large, and whatever else is asked for."""
    query = "&" if "?" in path else "?"
    return [get(f"{noun}, a page", path + query + "limit=2", f"Array.isArray(json.{noun})",
                f"json.{noun}.length <= 2", '"next" in json', words="`next` is the cursor of the "
                "page after it, or null.", **more),
            bad(f"{noun}, a limit of 201", "GET", path + query + "limit=201", 400, "bad-value",
                field="limit", words="A page has 1 to 200 entries.", **more)]


# A code of the authenticator (RFC 6238), from the secret that `uri` held.
TOTP = [
    'const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";',
    'const bits = pm.environment.get("totpSecret").split("")',
    '    .map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");',
    'const hex = bits.match(/.{8}/g).map((b) => parseInt(b, 2).toString(16).padStart(2, "0")).join("");',
    'const step = Math.floor(Date.now() / 30000).toString(16).padStart(16, "0");',
    "const mac = CryptoJS.HmacSHA1(CryptoJS.enc.Hex.parse(step), CryptoJS.enc.Hex.parse(hex)).toString();",
    'const at = 2 * parseInt(mac.slice(-1), 16);',
    'const code = (parseInt(mac.substr(at, 8), 16) & 0x7fffffff) % 1000000;',
    'pm.environment.set("totpCode", String(code).padStart(6, "0"));',
]


def instance():
    return [
        get("It lives", "/health", 'json.status === "ok"', words="Says nothing about the database.",
            before=['pm.environment.set("run", String(Date.now()));']),
        get("It is ready", "/ready", 'json.status === "ready"', "json.schema >= 1",
            words="503 while the database does not answer."),
        get("Which one it is", "/instance", 'json.instance.type === "instance"',
            "json.instance.sig.length === 128", words="Clients pin the hash of this event."),
        get("The description as JSON", "/openapi.json", 'json.openapi === "3.1.0"'),
        get("The description as YAML", "/openapi.yaml",
            'pm.response.text().includes("openapi: \'3.1.0\'")'),
        bad("A stream of what is no round", "GET", "/events?ctx=nonsense", 400, "bad-value",
            field="ctx"),
        missing("An address that is none", "/nothing", words="Every error is problem+json."),
        bad("A method that is none here", "DELETE", "/health", 405, "method-not-allowed",
            checks=['pm.response.headers.get("Allow") === "GET, HEAD"'],
            words="Allow lists those that are possible."),
    ]


def people():
    user = {"name": "ada-{{run}}", "role": "admin"}
    return [
        good("A new user", "POST", "/users", 201, who="admin", body=user,
             checks=['json.user.role === "admin"', "json.user.password === false"],
             after=['pm.environment.set("setupCode", pm.response.json().link.split("#setup=")[1]);'],
             words="The link sets the password, once."),
        bad("The same name again", "POST", "/users", 409, "conflict", who="admin", body=user,
            field="name"),
        bad("A role that is none", "POST", "/users", 400, "bad-value", who="admin", field="role",
            body={"name": "grace-{{run}}", "role": "king"}),
        bad("A member too many", "POST", "/users", 400, "unknown-field", who="admin",
            field="shoe_size", body={**user, "shoe_size": 44}),
        bad("A member too few", "POST", "/users", 400, "missing-field", who="admin", field="role",
            body={"name": "grace-{{run}}"}),
        bad("No JSON", "POST", "/users", 400, "malformed-json", who="admin", body='{"name":'),
        nobody("A new user, by nobody", "POST", "/users", body=user),
        *page_of("users", "/users", who="admin"),
        nobody("People, for nobody", "GET", "/users"),
        good("Use the link", "POST", "/setup", 201, body={"code": "{{setupCode}}", "password": PASSWORD},
             checks=['json.role === "admin"'], words="It logs nobody in."),
        bad("Use it again", "POST", "/setup", 403, "bad-invite", field="code",
            body={"code": "{{setupCode}}", "password": PASSWORD}),
        good("Somebody else", "POST", "/users", 201, who="admin",
             body={"name": "bob-{{run}}", "role": "viewer"}),
        good("Another role", "PUT", "/users/bob-{{run}}", who="admin", body={"role": "operator"},
             checks=['json.role === "operator"'], words="It ends the user's sessions."),
        good("Disabled", "PUT", "/users/bob-{{run}}", who="admin", body={"disabled": True},
             checks=["json.disabled === true"]),
        missing("Change nobody", "/users/nobody-{{run}}", "PUT", who="admin", body={"role": "viewer"}),
        get("Somebody", "/users/bob-{{run}}", "json.disabled === true", who="admin",
            after=['pm.environment.set("etag", pm.response.headers.get("ETag"));']),
        bad("Change what was changed since", "PUT", "/users/bob-{{run}}", 412,
            "precondition-failed", who="admin", body={"disabled": False},
            headers={"If-Match": '"0"'}),
        good("Change what was read", "PUT", "/users/bob-{{run}}", who="admin",
             body={"disabled": False}, headers={"If-Match": "{{etag}}"}),
        missing("Nobody", "/users/nobody-{{run}}", who="admin"),
        good("A link for who forgot", "POST", "/users/ada-{{run}}/reset", 201, who="admin",
             body={"totp": False}, checks=['json.link.includes("#setup=")']),
        missing("A link for nobody", "/users/nobody-{{run}}/reset", "POST", who="admin",
                body={"totp": False}),
    ]


def sessions():
    login = {"name": "ada-{{run}}", "password": PASSWORD}
    code = [*TOTP]
    return [
        bad("A wrong password", "POST", "/session", 403, "wrong-login",
            body={**login, "password": "a donkey"}, words="An unknown name costs as much time."),
        good("Log in", "POST", "/session", 201, body=login, keep={"csrf": "csrf"},
             checks=['json.role === "admin"', "json.csrf.length > 20",
                     '/HttpOnly; SameSite=Strict/.test(pm.response.headers.get("Set-Cookie"))'],
             words="The cookie is HttpOnly; `csrf` goes into X-Chorus-Csrf."),
        get("Who am I", "/session", 'json.name === "ada-" + pm.environment.get("run")'),
        bad("A change without the token against forgery", "PUT", "/session/password", 403,
            "wrong-csrf-token", body={"old": PASSWORD, "new": PASSWORD},
            words="A page of another site can send the cookie, but knows no token."),
        good("A new password", "PUT", "/session/password", who="session", keep={"csrf": "csrf"},
             body={"old": PASSWORD, "new": PASSWORD}, words="All other sessions end."),
        bad("A password that is too short", "PUT", "/session/password", 400, "bad-value",
            who="session", field="new", body={"old": PASSWORD, "new": "short"}),
        good("Begin with an authenticator", "POST", "/session/totp", 201, who="session",
             checks=['json.uri.startsWith("otpauth://totp/")'],
             after=['pm.environment.set("totpSecret", pm.response.json().uri.match(/secret=([A-Z2-7]+)/)[1]);']),
        bad("Confirm it with a wrong code", "PUT", "/session/totp", 403, "wrong-login",
            who="session", field="code", body={"code": "12345"}),
        good("Confirm it", "PUT", "/session/totp", who="session", body={"code": "{{totpCode}}"},
             before=code, keep={"csrf": "csrf", "recovery": "recovery[0]"},
             checks=["json.totp === true", "json.recovery.length === 10"],
             words="The recovery codes are shown this once."),
        bad("Log in without a code", "POST", "/session", 403, "code-needed", body=login,
            field="totp"),
        good("Log in with a recovery code", "POST", "/session", 201, keep={"csrf": "csrf"},
             body={**login, "recovery": "{{recovery}}"}, checks=["json.recovery_codes === 9"]),
        good("Without authenticator", "DELETE", "/session/totp", who="session",
             keep={"csrf": "csrf"}, checks=["json.totp === false"]),
        nobody("An authenticator, by token", "POST", "/session/totp", headers={
            "Authorization": "Bearer nonsense"}),
        bad("Without authenticator, by token", "DELETE", "/session/totp", 403, "forbidden",
            who="admin", words="One's own account is changed in a session only."),
        good("A token for a program", "POST", "/tokens", 201, who="session",
             body={"name": "viewer", "role": "viewer", "model": None, "expires_in": 3600},
             keep={"viewerToken": "token", "tokenId": "id"}, checks=["json.token.length > 20"],
             words="It is shown this once."),
        bad("A token, by token", "POST", "/tokens", 403, "forbidden", who="admin",
            body={"name": "x", "role": "viewer", "model": None, "expires_in": None}),
        good("A token to end", "POST", "/tokens", 201, who="session", keep={"tokenId": "id"},
             body={"name": "short", "role": "viewer", "model": None, "expires_in": None}),
        *page_of("tokens", "/tokens", who="session"),
        nobody("Tokens, for a token that is none", "GET", "/tokens",
               headers={"Authorization": "Bearer nonsense"}),
        good("End it", "DELETE", "/tokens/{{tokenId}}", 204, who="session"),
        missing("End it again", "/tokens/{{tokenId}}", "DELETE", who="session"),
        *page_of("sessions", "/sessions", who="session"),
        missing("End a session that is none", "/sessions/999999", "DELETE", who="session"),
        good("Log out", "DELETE", "/session", 204, who="session"),
        nobody("Who am I, after it", "GET", "/session"),
        nobody("Log out again", "DELETE", "/session"),
        good("Log in for another session", "POST", "/session", 201, body=login,
             keep={"csrf": "csrf"}),
        get("Find it", "/sessions?limit=1", "json.sessions[0].current === true",
            keep={"sessionId": "sessions[0].id"}),
        good("End it by the list", "DELETE", "/sessions/{{sessionId}}", 204, who="session"),
        nobody("Its cookie is worth nothing", "GET", "/session"),
        get("How the server is", "/system", "json.replicas.length >= 1", "json.chain === null",
            "json.connections.open >= 1", who="viewer"),
        nobody("How the server is, for nobody", "GET", "/system"),
        get("Figures for Prometheus", "/metrics", 'pm.response.text().includes("chorus_event_streams 0")',
            who="viewer", words="Not below /api/v1, where Prometheus looks for it."),
        nobody("Figures, for nobody", "GET", "/metrics"),
        good("A challenge for a wallet", "POST", "/session/challenge", 200,
             body={"address": "0x" + "11" * 20}, checks=['json.message.includes("Nonce: ")'],
             keep={"challenge": "message"}, words="EIP-4361; the wallet signs it by personal_sign."),
        bad("A challenge for no address", "POST", "/session/challenge", 400, "bad-value",
            field="address", body={"address": "0x12"}),
        bad("Log in with a signature of nobody", "POST", "/session", 403, "wrong-login",
            body={"message": "{{challengeText}}", "signature": "0x" + "11" * 64 + "1b"},
            before=['pm.environment.set("challengeText", JSON.stringify('
                    'pm.environment.get("challenge")).slice(1, -1));']),
        get("By token there is no token against forgery", "/session", "json.csrf === null",
            'json.role === "viewer"', who="viewer"),
        bad("A viewer may not change", "POST", "/users", 403, "forbidden", who="viewer",
            body={"name": "eve", "role": "admin"}),
    ]


def models():
    mine = "/models/iris-{{run}}"
    spoiled = {**IRIS, "kind": "oracle"}
    return [
        good("A new model", "POST", "/models", 201, who="admin",
             body={"model": "iris-{{run}}", "spec": IRIS},
             checks=['json.status === "active"', "json.version === 1", "json.d === 15",
                     "json.rounds === 0"], words="docs/spec.md says what a description holds."),
        bad("The same name again", "POST", "/models", 409, "conflict", who="admin", field="model",
            body={"model": "iris-{{run}}", "spec": IRIS}),
        bad("A kind that is none", "POST", "/models", 400, "bad-value", who="admin",
            field="spec.kind", body={"model": "oracle-{{run}}", "spec": spoiled}),
        bad("A policy without a chain", "POST", "/models", 409, "no-chain", who="admin",
            field="policy", body={"model": "chain-{{run}}", "spec": IRIS, "policy": {}},
            without=["chainModel"]),
        bad("Another content type", "POST", "/models", 415, "unsupported-media-type", who="admin",
            body="model=iris", media="text/csv"),
        *page_of("models", "/models"),
        get("A model", mine, 'json.kind === "logistic"', "json.consent.length > 10"),
        missing("A model that is none", "/models/nothing-{{run}}"),
        missing("A name that cannot be", "/models/NOT_A_NAME"),
        get("Its description", mine + "/spec", 'json.kind === "logistic"',
            'pm.response.headers.get("ETag").length === 66',
            words="The bytes whose SHA-256 is the model's `spec`."),
        get("Version 1", mine + "/spec?version=1",
            'pm.response.headers.get("Cache-Control").includes("immutable")'),
        missing("Version 9", mine + "/spec?version=9"),
        good("Version 2", "POST", mine + "/versions", 201, who="admin",
             body={"spec": {**IRIS, "purpose": "Said better."}}, checks=["json.version === 2"]),
        bad("A version with other columns", "POST", mine + "/versions", 400, "bad-spec",
            who="admin", body={"spec": {**IRIS, "features": IRIS["features"][:3]}}),
        nobody("A version, by nobody", "POST", mine + "/versions", body={"spec": IRIS}),
        good("Rows to measure with", "PUT", mine + "/holdout", who="admin", body=IRIS_ROWS,
             media="text/csv", checks=["json.rows === 11"]),
        bad("Rows that do not fit", "PUT", mine + "/holdout", 400, "bad-csv", who="admin",
            body="a,b\n1,2\n", media="text/csv"),
        good("A schedule", "PUT", mine + "/schedule", who="admin",
             body={"every": 31536000, "rounds": 1, "target": "0.9"},
             checks=["json.schedule.rounds === 1"], words="Rounds open by themselves."),
        bad("A target above one", "PUT", mine + "/schedule", 400, "bad-value", who="admin",
            field="target", body={"every": 60, "rounds": 2, "target": "1.5"}),
        bad("A schedule, by a viewer", "PUT", mine + "/schedule", 403, "forbidden", who="viewer",
            body={"every": 60, "rounds": 2, "target": None}),
        get("The schedule", mine + "/schedule", "json.every === 31536000"),
        missing("The schedule of nothing", "/models/nothing-{{run}}/schedule"),
        good("No schedule", "DELETE", mine + "/schedule", 204, who="admin"),
        missing("No schedule of no model", "/models/nothing-{{run}}/schedule", "DELETE",
                who="admin"),
        get("The initial weights", mine + "/weights?round=0", "pm.response.responseSize === 60",
            words="float32, little-endian."),
        good("Some of their bytes", "GET", mine + "/weights?round=0", 206,
             headers={"Range": "bytes=0-3"}, checks=[
                 'pm.response.headers.get("Content-Range") === "bytes 0-3/60"']),
        bad("Bytes that are none", "GET", mine + "/weights?round=0", 416, "range-not-satisfiable",
            headers={"Range": "bytes=60-"}),
        get("As NumPy reads them", mine + "/weights?round=0&format=npy",
            'pm.response.stream[0] === 0x93'),
        get("Spelled out", mine + "/weights?round=0&format=json", "json.d === 15",
            "json.layers.length === 1", "json.layers[0].bias.length === 3"),
        bad("In a format that is none", "GET", mine + "/weights?format=xls", 400, "bad-value",
            field="format"),
        get("The model card", mine + "/card", 'pm.response.text().startsWith("#")'),
        get("The model card as JSON", mine + "/card", "json.parameters === 15",
            headers={"Accept": "application/json"}),
        missing("The card of nothing", "/models/nothing-{{run}}/card"),
        missing("Weights of a round that is none", mine + "/weights?round=7"),
        *page_of("results", mine + "/results"),
        get("A result", "/models/{{model}}/results?limit=1", "json.results[0].round === 1",
            "json.results[0].count === 3"),
        good("For its members only", "PUT", mine + "/visibility", who="admin",
             body={"visibility": "members"}, checks=['json.visibility === "members"']),
        missing("What others see of it", mine),
        get("What those who run the instance see", mine, 'json.visibility === "members"',
            who="viewer"),
        bad("For friends", "PUT", mine + "/visibility", 400, "bad-value", who="admin",
            field="visibility", body={"visibility": "friends"}),
        good("For everybody again", "PUT", mine + "/visibility", who="admin",
             body={"visibility": "public"}, checks=['json.visibility === "public"']),
        good("Retire it", "POST", mine + "/retire", who="admin",
             checks=['json.status === "retired"']),
        bad("A schedule of a retired one", "PUT", mine + "/schedule", 410, "retired", who="admin",
            body={"every": 60, "rounds": 2, "target": None}),
        missing("Retire nothing", "/models/nothing-{{run}}/retire", "POST", who="admin"),
    ]


def drafts():
    draft = {"name": "Iris, first try", "content": {"kind": "logistic"}}
    one = "/drafts/{{draft}}"
    return [
        good("What a description means", "POST", "/specs/check", who="viewer",
             body={"spec": IRIS, "members": 10}, checks=[
                 "json.problem === null", "json.consequences.d === 15",
                 "json.consequences.anonymity >= 3"]),
        good("What is wrong with one", "POST", "/specs/check", who="viewer",
             body={"spec": {**IRIS, "ring_bits": 16}}, checks=[
                 'json.problem.type.startsWith("urn:chorus:error:")', "json.consequences === null"],
             words="A problem is the answer here, not an error."),
        bad("For no members", "POST", "/specs/check", 400, "bad-value", who="viewer",
            field="members", body={"spec": IRIS, "members": 0}),
        good("A new draft", "POST", "/drafts", 201, who="admin", body=draft, keep={"draft": "id"},
             checks=['json.content.kind === "logistic"']),
        bad("A draft, by a viewer", "POST", "/drafts", 403, "forbidden", who="viewer", body=draft),
        *page_of("drafts", "/drafts", who="admin"),
        get("A draft", one, 'json.name === "Iris, first try"', who="admin",
            after=['pm.environment.set("etag", pm.response.headers.get("ETag"));']),
        good("Another, under a key", "POST", "/drafts", 201, who="admin", body=draft,
             headers={"Idempotency-Key": "draft-{{run}}"}, keep={"another": "id"}),
        good("The same once more", "POST", "/drafts", 201, who="admin", body=draft,
             headers={"Idempotency-Key": "draft-{{run}}"}, checks=[
                 'String(json.id) === String(pm.environment.get("another"))',
                 'pm.response.headers.get("Idempotency-Replayed") === "true"'],
             words="It was made once: the first answer comes again."),
        bad("Something else under that key", "POST", "/drafts", 409, "idempotency-key-reused",
            who="admin", body={**draft, "name": "Another"},
            headers={"Idempotency-Key": "draft-{{run}}"}),
        bad("Change it, blindly", "PUT", one, 428, "precondition-required", who="admin",
            body=draft),
        good("Change it", "PUT", one, who="admin", body={**draft, "name": "Iris, second try"},
             headers={"If-Match": "{{etag}}"}, checks=['json.name === "Iris, second try"']),
        bad("Change what was changed since", "PUT", one, 412, "precondition-failed", who="admin",
            body=draft, headers={"If-Match": "{{etag}}"}),
        bad("Delete what was changed since", "DELETE", one, 412, "precondition-failed",
            who="admin", headers={"If-Match": "{{etag}}"}),
        good("Delete it", "DELETE", one, 204, who="admin"),
        missing("Read it after that", one, who="admin"),
    ]


def members():
    invite = {"model": "guests-{{run}}", "organisation": None, "count": 2, "expires_in": 3600,
              "admit": True}
    return [
        good("A model for guests", "POST", "/models", 201, who="admin",
             body={"model": "guests-{{run}}", "spec": IRIS}),
        good("Invite two", "POST", "/invites", 201, who="admin", body=invite,
             checks=["json.invites.length === 2", 'json.invites[0].link.includes("#invite=")'],
             after=['pm.environment.set("instance", '
                    'pm.response.json().invites[0].link.split("#invite=")[1].split(".")[2]);'],
             words="Each of an organisation of its own. The links are shown this once."),
        bad("Invite nobody", "POST", "/invites", 400, "bad-value", who="admin", field="count",
            body={**invite, "count": 0}),
        bad("To a model that is none", "POST", "/invites", 400, "bad-value", who="admin",
            field="model", body={**invite, "model": "nothing-{{run}}"}),
        *page_of("invites", "/invites", who="viewer"),
        nobody("Invites, for nobody", "GET", "/invites"),
        good("Enrol", "POST", "/participants", 201, body="{{newcomerBody}}",
             checks=["json.admitted === true", 'json.receipt.type === "receipt"'],
             words="The body is an event that the newcomer signed; the receipt promises a place "
             "in the log."),
        good("Enrol once more", "POST", "/participants", 200, body="{{newcomerBody}}",
             checks=['json.receipt.status === "accepted"'],
             words="The same bytes get the first receipt again."),
        bad("Enrol with nothing", "POST", "/participants", 400, "missing-field", body={},
            field="event"),
        *page_of("participants", "/participants", who="viewer"),
        nobody("Participants, for nobody", "GET", "/participants"),
        get("A participant", "/participants/{{participant}}", 'json.enroll.type === "enroll"',
            "json.admissions.length >= 1"),
        missing("A participant that is none", "/participants/" + ZERO),
        good("Another payout address", "POST", "/participants/{{participant}}/payout", 201,
             body="{{payoutBody}}", checks=['json.receipt.status === "accepted"'],
             words="Signed by the participant's key; `chorus payout` does this. It counts later."),
        good("The same address once more", "POST", "/participants/{{participant}}/payout", 200,
             body="{{payoutBody}}", checks=['json.receipt.status === "accepted"'],
             needs=["payoutBody"]),
        bad("An address of nobody's", "POST", "/participants/" + ZERO + "/payout", 400, "bad-value",
            body="{{payoutBody}}", field="event.participant", needs=["payoutBody"]),
        bad("No address at all", "POST", "/participants/{{participant}}/payout", 400,
            "missing-field", body={}, field="event"),
        get("What has changed", "/participants/{{participant}}", "json.payout === null",
            "json.changes.length === 1 && json.changes[0].adopt === null", needs=["payoutBody"]),
        good("A link into the browser", "POST", "/participants/{{participant}}/login", 201,
             body="{{loginBody}}", checks=['json.link.includes("/#login=")'], after=[
                 'pm.environment.set("loginCode", pm.response.json().link.split("#login=")[1]);'],
             words="Signed by the participant's key; `chorus login` does this."),
        bad("The same once more", "POST", "/participants/{{participant}}/login", 409, "conflict",
            body="{{loginBody}}", field="time", words="Each time is good once."),
        good("Log in by the link", "POST", "/session", 201, body={"link": "{{loginCode}}"},
             keep={"csrf": "csrf"}, needs=["loginBody"], checks=['json.role === "participant"']),
        bad("By the same link again", "POST", "/session", 403, "bad-invite", needs=["loginBody"],
            body={"link": "{{loginCode}}"}, field="link"),
        get("Me", "/me", "json.name_shown === true",
            'json.participant === pm.environment.get("participant")', needs=["loginBody"]),
        good("Hide my name", "PUT", "/me", who="session", body={"name_shown": False},
             needs=["loginBody"], checks=["json.name_shown === false"]),
        bad("Half hidden", "PUT", "/me", 400, "wrong-type", who="session", field="name_shown",
            needs=["loginBody"], body={"name_shown": "half"}),
        bad("What a member may not", "GET", "/system", 403, "forbidden", needs=["loginBody"]),
        good("Leave", "DELETE", "/session", 204, who="session", needs=["loginBody"]),
        nobody("Me, for nobody", "GET", "/me"),
        *page_of("leaders", "/leaderboard"),
        get("The leaderboard of a model", "/leaderboard?model={{model}}&period=30d",
            "json.leaders.length === 3", "json.leaders[0].rounds === 2",
            "json.leaders[0].reliability === 1"),
        get("As CSV", "/leaderboard?format=csv", 'pm.response.text().startsWith("rank,")'),
        missing("The leaderboard of nothing", "/leaderboard?model=nothing-{{run}}"),
        bad("Of a period that is none", "GET", "/leaderboard?period=2d", 400, "bad-value",
            field="period"),
        *page_of("members", "/models/guests-{{run}}/members", who="viewer"),
        good("Admit somebody", "POST", "/models/guests-{{run}}/members", 201, who="admin",
             body={"participant": "{{participant}}"}, checks=['json.status === "admitted"']),
        good("Admit again", "POST", "/models/guests-{{run}}/members", 200, who="admin",
             body={"participant": "{{participant}}"}, words="Nothing changes, and the log says "
             "nothing."),
        bad("Admit who is not enrolled", "POST", "/models/guests-{{run}}/members", 403,
            "not-enrolled", who="admin", body={"participant": ZERO}, field="participant"),
        good("Suspend", "POST", "/models/guests-{{run}}/members/{{participant}}/suspend", 200,
             who="admin", checks=['json.status === "suspended"']),
        missing("Suspend nobody", f"/models/guests-{{{{run}}}}/members/{ZERO}/suspend", "POST",
                who="admin"),
        missing("Members of nothing", "/models/nothing-{{run}}/members", who="viewer"),
    ]


def rounds():
    r = "/rounds/{{ctx}}"
    none = "/rounds/" + ZERO
    mine = "/updates/{{participant}}"
    lists = (("joins", "members", "Who takes part"), ("shares", "events", "Who shared"),
             ("updates", "events", "Whose updates are summed"), ("unmasks", "events", "The answers"))
    posts = (("joins", "join", 409, "wrong-phase"), ("shares", "share", 409, "wrong-phase"),
             ("updates", "update", 409, "wrong-phase"), ("unmasks", "unmask", 409, "wrong-phase"))
    out = [
        good("A model to open rounds of", "POST", "/models", 201, who="admin",
             body={"model": "rounds-{{run}}", "spec": IRIS}),
        missing("The newest round, before the first", "/models/rounds-{{run}}/round"),
        good("Open a round", "POST", "/models/rounds-{{run}}/rounds", 201, who="admin", body={},
             checks=['json.phase === "join"', "json.attempt === 1", "json.deadline_in > 0"],
             keep={"newCtx": "ctx"}),
        bad("Open another", "POST", "/models/rounds-{{run}}/rounds", 409, "round-already-open",
            who="admin", body={}),
        *page_of("rounds", "/models/rounds-{{run}}/rounds"),
        get("The newest round", "/models/rounds-{{run}}/round",
            'json.ctx === pm.environment.get("newCtx")'),
        get("Its state", "/rounds/{{newCtx}}", 'json.phase === "join"', "json.failure === null"),
        bad("A phase that is none", "GET", "/rounds/{{newCtx}}?wait=1&phase=lunch", 400,
            "bad-value", field="phase"),
        missing("A round that is none", none),
        good("Cancel it", "POST", "/rounds/{{newCtx}}/cancel", who="admin",
             checks=['json.phase === "failed"', 'json.failure.reason === "cancelled"',
                     "json.failure.help.length > 0"]),
        bad("Cancel it again", "POST", "/rounds/{{newCtx}}/cancel", 409, "wrong-phase",
            who="admin"),
        get("Its last event", "/rounds/{{newCtx}}/events/failed", 'json.type === "failed"'),
        missing("Its result", "/rounds/{{newCtx}}/events/result"),
        get("The state of one that is done", r, 'json.phase === "done"', "json.answered >= 2"),
        get("What it began with", r + "/base", "pm.response.responseSize === 200"),
        missing("What nothing began with", none + "/base"),
    ]
    for path, noun, name in lists:
        out += [get(name, f"{r}/{path}", f"json.{noun}.length >= 2"),
                missing(f"{name}, of nothing", f"{none}/{path}")]
    for path, kind, status, slug in posts:
        out += [good(f"The same {kind} again", "POST", f"{r}/{path}", 200,
                     body="{{" + kind + "Body}}", checks=['json.receipt.type === "receipt"'],
                     words="The first receipt, also after the phase has closed."),
                bad(f"A {kind} that is none", "POST", f"{r}/{path}", 400, "missing-field",
                    body={}, field="event")]
    return out + [
        get("What was dealt to me", r + "/boxes", "json.boxes.length >= 1", who="participant"),
        nobody("What was dealt, for nobody", "GET", r + "/boxes"),
        get("What of an update has arrived", r + mine, "json.complete === true"),
        missing("Of nobody's update", f"{r}/updates/{ZERO}"),
        good("A chunk again", "PUT", r + mine + "/chunks/0", file="chunk.bin",
             media="application/octet-stream", needs=["participantAuth"],
             checks=["json.complete === true"], words="It is there already."),
        bad("Another chunk in its place", "PUT", r + mine + "/chunks/0", 400, "wrong-length",
            body="nonsense", media="application/octet-stream", field="body"),
        get("A masked chunk", r + mine + "/chunks/0", "pm.response.responseSize > 100",
            words="For audits, while the window is open."),
        missing("A chunk that is none", r + mine + "/chunks/9"),
        get("A dealer's points", r + "/deals/{{participant}}", "json.points[0].length === 3"),
        missing("Nobody's points", f"{r}/deals/{ZERO}"),
        get("The sum", r + "/sum", "pm.response.responseSize > 200"),
        missing("The sum of what failed", "/rounds/{{newCtx}}/sum"),
        get("The optimiser's state", "/rounds/{{stateCtx}}/state",
            "pm.response.responseSize > 0", words="Only of optimisers that have one."),
        missing("A state that is none", r + "/state"),
        get("What was earned", r + "/rewards", "json.rewards.length === 3"),
        missing("What was earned in what failed", "/rounds/{{newCtx}}/rewards"),
        get("How far each is", r + "/members", "json.members.length === 3",
            'json.members.every((m) => m.state === "answered" || m.gone_in === "unmask")',
            "json.edges.length === 3"),
        missing("How far nobody is", none + "/members"),
        get("What stands on the chain", r + "/anchors", "Array.isArray(json.anchors)"),
        missing("What of nothing stands there", none + "/anchors"),
        *page_of("items", r + "/transcript"),
        missing("The transcript of nothing", none + "/transcript"),
    ]


def money():
    account = "0x" + "11" * 20
    return [
        *page_of("balances", "/models/{{model}}/balances"),
        get("A standing", "/models/{{model}}/balances/{{participant}}",
            'json.earned === "200"', 'json.due === "200"', "json.payout === null"),
        missing("A standing of nobody", "/models/{{model}}/balances/" + ZERO),
        *page_of("statement", "/participants/{{participant}}/statement"),
        missing("A statement of nobody", f"/participants/{ZERO}/statement"),
        get("The books", "/models/{{model}}/ledger",
            "json.ledger.reduce((sum, row) => sum + Number(row.balance), 0) === 0", who="viewer",
            words="They sum to zero, always."),
        nobody("The books, for nobody", "GET", "/models/{{model}}/ledger"),
        *page_of("payouts", "/payouts", who="viewer"),
        bad("Payouts in a state that is none", "GET", "/payouts?state=lost", 400, "bad-value",
            who="viewer", field="state"),
        bad("Retry without a chain", "POST", "/payouts/1/retry", 409, "no-chain", who="admin",
            body={}, without=["chainModel"]),
        bad("Settle without a chain", "POST", "/payouts/1/settle", 409, "no-chain", who="admin",
            body={"hash": "0x" + ZERO}, without=["chainModel"]),
        bad("Settle by what is no hash", "POST", "/payouts/1/settle", 400, "bad-value",
            who="admin", field="hash", body={"hash": "0x12"}),
        missing("The tree of claims, where there are none", "/models/{{model}}/claims"),
        missing("A claim, where there are none", f"/models/{{{{model}}}}/claims/{account}"),
        bad("A claim of what is no address", "GET", "/models/{{model}}/claims/0x12", 400,
            "bad-value", field="address"),
        bad("Votes without a chain", "GET", "/governance/proposals", 409, "no-chain",
            without=["chainModel"]),
    ]


def chain():
    claims, held = "/models/{{chainModel}}/claims", "/payouts/{{heldPayout}}"
    return [
        get("The tree of claims", claims, 'json.format === "standard-v1"',
            "json.values.length === 3",
            words="As OpenZeppelin's StandardMerkleTree.load reads it."),
        get("What one can claim", claims + "/{{claimant}}", 'json.cumulative === "3000"',
            "json.proof.length > 0", words="With the proof that the vault takes."),
        missing("What nobody can claim", claims + "/0x" + "11" * 20),
        missing("Retry what is not there", "/payouts/999999999/retry", "POST", who="admin", body={},
                needs=["chainModel"]),
        good("Settle", "POST", "/payouts/{{paidPayout}}/settle", who="admin",
             body={"hash": "{{paidHash}}"}, checks=['json.state === "final"'],
             words="By a transaction that somebody else sent."),
        bad("Settle it again", "POST", "/payouts/{{paidPayout}}/settle", 409, "conflict",
            who="admin", body={"hash": "{{paidHash}}"}),
        bad("Settle by another transaction", "POST", held + "/settle", 409, "conflict",
            who="admin", body={"hash": "{{paidHash}}"}),
        good("Retry", "POST", held + "/retry", who="admin", body={},
             checks=['json.state !== "held"'], words="Of what is held, once its cause is gone."),
        get("The votes", "/governance/proposals", "Array.isArray(json.proposals)",
            needs=["chainModel"]),
    ]


def webhooks():
    hook = {"url": "https://hooks.example/chorus-{{run}}", "model": None,
            "events": ["round.opened", "round.result"]}
    one = "/webhooks/{{hook}}"
    return [
        good("A new webhook", "POST", "/webhooks", 201, who="admin", body=hook, keep={"hook": "id"},
             checks=['json.secret.startsWith("whsec_")', "json.active === true"],
             words="The secret is shown this once; messages are signed with it."),
        bad("To an address of this machine", "POST", "/webhooks", 400, "bad-value", who="admin",
            field="url", body={**hook, "url": "https://127.0.0.1/"}),
        bad("Without https", "POST", "/webhooks", 400, "bad-value", who="admin", field="url",
            body={**hook, "url": "http://hooks.example/"}),
        bad("An event that is none", "POST", "/webhooks", 400, "bad-value", who="admin",
            field="events", body={**hook, "events": ["lunch.ready"]}),
        bad("A webhook, by a viewer", "POST", "/webhooks", 403, "forbidden", who="viewer",
            body=hook),
        *page_of("webhooks", "/webhooks", who="admin"),
        get("A webhook", one, '!("secret" in json)', who="admin"),
        missing("A webhook that is none", "/webhooks/999999", who="admin"),
        good("Only when something fails", "PUT", one, who="admin",
             body={"events": ["round.failed"]}, checks=["json.events.length === 1"]),
        bad("Change what was changed since", "PUT", one, 412, "precondition-failed", who="admin",
            body={"active": False}, headers={"If-Match": '"nonsense"'}),
        good("Try it", "POST", one + "/test", 201, who="admin", keep={"delivery": "n"},
             checks=['json.event === "webhook.test"', 'json.state === "waiting"']),
        missing("Try one that is none", "/webhooks/999999/test", "POST", who="admin"),
        *page_of("deliveries", one + "/deliveries", who="admin"),
        bad("Deliveries in a state that is none", "GET", one + "/deliveries?state=lost", 400,
            "bad-value", who="admin", field="state"),
        good("Send it again", "POST", one + "/deliveries/{{delivery}}/retry", who="admin"),
        missing("Send another again", one + "/deliveries/999999/retry", "POST", who="admin"),
        good("Delete it", "DELETE", one, 204, who="admin"),
        missing("Delete it again", one, "DELETE", who="admin"),
    ]


def log():
    return [
        get("The checkpoint", "/log/checkpoint", 'pm.response.text().split("\\n").length >= 5',
            after=['pm.environment.set("size", pm.response.text().split("\\n")[1]);'],
            words="A signed note: origin, size, root, signatures."),
        bad("A size that is no number", "GET", "/log/checkpoint?after=many", 400, "bad-value",
            field="after"),
        get("A tile of entries", "/log/tile/entries/000.p/1", "pm.response.responseSize > 100"),
        missing("A tile that is not there yet", "/log/tile/0/x999/999"),
        missing("What is no tile", "/log/tile/0/1"),
        *page_of("entries", "/log/entries"),
        get("The first entry", "/log/entries?limit=1", "json.entries[0].leaf === 0",
            'json.entries[0].event.type === "instance"'),
        get("An event by its hash", "/log/events/{{instance}}", 'json.event.type === "instance"',
            "json.leaf === 0", words="The instance's hash stands in every invite."),
        missing("An event of no hash", "/log/events/" + ZERO),
        get("A leaf is in the log", "/log/proofs/inclusion?leaf=0&size={{size}}",
            "json.leaf === 0", "json.root.length === 64"),
        bad("Which leaf", "GET", "/log/proofs/inclusion", 400, "missing-field", field="leaf"),
        get("The log only grows", "/log/proofs/consistency?from=1&to={{size}}",
            "Array.isArray(json.path)"),
        bad("It does not shrink", "GET", "/log/proofs/consistency?from=2&to=1", 400, "bad-value",
            field="from"),
        good("Register a witness", "POST", "/log/witnesses", 201, who="admin",
             body={"key": WITNESS}, checks=["json.checkpoint === null"]),
        good("Register it again", "POST", "/log/witnesses", 200, who="admin",
             body={"key": WITNESS}),
        bad("A key that is none", "POST", "/log/witnesses", 400, "bad-value", who="admin",
            field="key", body={"key": "nonsense"}),
        *page_of("witnesses", "/log/witnesses"),
        good("Remove it", "DELETE", "/log/witnesses/" + WITNESS_HEX, 204, who="admin"),
        missing("Remove it again", "/log/witnesses/" + WITNESS_HEX, "DELETE", who="admin"),
        good("Cosign", "POST", "/log/cosignatures", 204, body="{{cosignature}}",
             media="text/plain", words="By a witness, or by whoever is enrolled."),
        bad("Cosign nonsense", "POST", "/log/cosignatures", 400, "malformed-note",
            body="nonsense", media="text/plain"),
    ]


def folders():
    return [
        ("Instance", "Is it there, which one is it, what can it do.", instance()),
        ("People", "Those who run the instance.", people()),
        ("Sessions", "Logging in, authenticators, tokens.", sessions()),
        ("Models", "What is trained.", models()),
        ("Drafts", "Descriptions before they are models, and what they mean.", drafts()),
        ("Members", "Invites, participants, who may take part.", members()),
        ("Rounds", "From opening to transcript.", rounds()),
        ("Money", "Balances, books, payouts, votes.", money()),
        ("Chain", "What only an instance with a chain has: skipped while `chainModel` is empty.",
         chain()),
        ("Webhooks", "Messages to addresses of yours.", webhooks()),
        ("Log", "The public log and its proofs.", log()),
    ]
