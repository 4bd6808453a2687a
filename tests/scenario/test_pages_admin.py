# SPDX-License-Identifier: Apache-2.0
"""What those who run the instance do in a real browser, against a real chorusd."""

import csv
import io
import os
import re
import shlex

import browser
from harness import Client, DATA, read_spec, temp_folder, until

PASSWORD = "a horse, a battery, a staple"
EVIL = "<img src=x onerror=alert(1)>\"'`${1}</script>"


class Admin(browser.Pages):
    """An instance whose first administrator came by the link of its first start."""

    LIMIT = 180

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        link = until(lambda: re.search(r"\S+(/#setup=\S+)", cls.server.process.output()), 10,
                     "the link of a first start")[1]
        cls.welcome = cls.browser.act("admin.setup", who="root", link=link, name="root",
                                      password=PASSWORD)
        cls.browser.act("admin.login", who="root", name="root", password=PASSWORD)

    def act(self, act, who="root", **arguments):
        return self.browser.act(act, who=who, limit=self.LIMIT, **arguments)

    def test_the_first_administrator_comes_by_the_link(self):
        self.assertIn("You are root, administrator.", self.welcome)
        users = self.server.admin("GET", "/users").must().json["users"]
        self.assertEqual([(u["name"], u["role"]) for u in users if u["name"] == "root"],
                         [("root", "admin")])

    def test_a_second_factor_and_its_recovery_codes(self):
        link = self.act("admin.addUser", name="toni", role="operator")
        self.assertIn("You are toni, operator.", self.act(
            "admin.setup", who="toni", link=link[link.index("/#"):], password=PASSWORD))
        self.act("admin.login", who="toni", name="toni", password=PASSWORD)
        given = self.act("admin.addTotp", who="toni")
        self.assertEqual(len(given["codes"]), 10)
        login = {"name": "toni", "password": PASSWORD}
        # the code that confirmed it counts as used: the next one opens
        self.act("admin.login", who="toni, at home", totpSecret=given["secret"],
                 step=given["step"] + 1, **login)
        self.act("admin.login", who="toni, without phone", recovery=given["codes"][3], **login)
        self.assertIn("9 recovery codes", self.act("frame.text", who="toni, at home",
                                                   path="/account"))
        self.act("admin.endSessionOf", who="toni, at home", n=0)
        self.act("admin.changePassword", who="toni, at home", old=PASSWORD,
                 fresh=PASSWORD + "!")
        self.act("admin.disableUser", name="toni")

    def test_failed_logins_are_explained(self):
        self.assertIn("The name, the password or the code is wrong.",
                      self.act("admin.wrongPassword", who="stranger", name="root"))

    def test_tokens_are_shown_once_and_end(self):
        token = self.act("admin.token", name="nightly")
        headers = {"auth": f"Bearer {token}"}
        self.assertEqual(self.server.get("/session", **headers).must().json["role"], "viewer")
        self.act("admin.endToken", name="nightly")
        self.assertEqual(self.server.get("/session", **headers).status, 401)

    def test_a_model_from_the_header_of_german_credit(self):
        made = self.act("new.fromTable", csv=os.path.join(DATA, "german_credit.csv"),
                        name="Credit of the unions")
        self.assertEqual(made["slug"], "credit-of-the-unions")
        self.assertLess(made["bytes"], 20000)
        model = self.server.get("/models/credit-of-the-unions").must().json
        spec = self.server.get("/models/credit-of-the-unions/spec").must().json
        known = read_spec("german_credit")
        self.assertEqual(model["kind"], "logistic")
        self.assertEqual([f["name"] for f in spec["features"]],
                         [f["name"] for f in known["features"]])
        self.assertEqual(spec["target"], known["target"])
        for mine, theirs in zip(spec["features"], known["features"]):
            self.assertEqual(mine["type"], theirs["type"], mine["name"])
        age = next(f for f in spec["features"] if f["name"] == "age")
        self.assertEqual((age["minimum"], age["maximum"]), ("0", "100"), "round bounds")
        self.assertEqual((spec["positive"], len(spec["groups"])), ("good", 4))
        self.assertEqual(self.server.admin("GET", "/drafts").must().json["drafts"], [],
                         "the draft has become the model")

    def test_every_choice_shows_its_consequence(self):
        said = self.act("new.consequences")
        self.assertIn("This can be trained", said)

    def test_a_wrong_field(self):
        self.assertIn("lowercase letters", self.act("new.wrongField"))

    def test_as_json_and_as_a_clone(self):
        self.server.make_model("irises", read_spec("iris"))
        self.act("new.json")
        self.assertEqual(self.act("new.clone", model="irises"), "Iris flowers")

    def test_two_people_on_one_draft(self):
        draft = self.act("new.beginDraft", name="Ours")
        self.assertEqual(self.act("new.openDraft", id=draft), "Ours")
        again = self.act("new.openDraft", who="root", id=draft)
        self.assertEqual(again, "Ours")
        link = self.act("admin.addUser", name="paula", role="operator")
        self.act("admin.setup", who="paula", link=link[link.index("/#"):], password=PASSWORD)
        self.act("admin.login", who="paula", name="paula", password=PASSWORD)
        self.act("new.openDraft", who="root", id=draft)
        self.act("new.openDraft", who="paula", id=draft)
        self.act("new.type", who="paula", path="spec.purpose", text="Paula was faster")
        kept = self.act("new.conflict", who="root", path="spec.purpose", text="Root's purpose",
                        press="Keep mine as another draft")
        self.assertEqual(kept, "Root's purpose")
        drafts = {d["name"]: d for d in self.server.admin("GET", "/drafts").must().json["drafts"]}
        contents = [self.server.admin("GET", f"/drafts/{d['id']}").must()
                    .json["content"]["spec"]["purpose"]
                    for d in self.server.admin("GET", "/drafts").must().json["drafts"]
                    if d["name"] == "Ours"]
        self.assertCountEqual(contents, ["Paula was faster", "Root's purpose"])
        self.assertIn("Ours", drafts)
        self.act("new.openDraft", who="root", id=draft)
        self.act("new.type", who="paula", path="spec.purpose", text="Paula again")
        theirs = self.act("new.conflict", who="root", path="spec.purpose", text="Mine, for now",
                          press="Show theirs instead")
        self.assertEqual(theirs, "Paula again")

    def test_by_keyboard_alone(self):
        slug = self.act("new.keyboard", name="Keys only")
        spec = self.server.get(f"/models/{slug}/spec").must().json
        self.assertEqual(spec["reward"], {"budget": "900", "scheme": "equal"})

    def test_invited_enrolled_and_approved(self):
        self.server.make_model("flowers", read_spec("iris"))
        given = self.act("admin.invite", model="flowers", name="Ann O'Neill", admit=False)
        words = shlex.split(given["command"])
        self.assertEqual((words[:2], words[3:]), (["chorus", "enroll"], ["--name", "Ann O'Neill"]))
        client = Client(temp_folder(), "ann")
        client.run(*words[1:]).ok()  # exactly what is printed
        members = "/models/flowers/members"
        self.assertEqual(self.server.admin("GET", members).must().json["members"], [])
        said = self.act("admin.approve", model="flowers", name="Ann O'Neill")
        self.assertIn("One member from one organisation may take part.", said)
        self.act("frame.inspect", path=members, name="members")
        self.act("admin.suspend", model="flowers", name="Ann O'Neill")
        row, = self.server.admin("GET", members).must().json["members"]
        self.assertEqual((row["name"], row["status"]), ("Ann O'Neill", "admitted"))

    def test_a_file_of_names_becomes_a_file_of_links(self):
        self.server.make_model("many", read_spec("iris"))
        names = "name,organisation\nAda,North\nBo,North\nCleo,\n\"Dee, Jr.\",South\n"
        text = self.act("admin.inviteMany", model="many", csv=names, names=["Ada", "Bo", "North"])
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([r["name"] for r in rows], ["Ada", "Bo", "Cleo", "Dee, Jr."])
        organisations = [r["link"].split("#invite=")[1].split(".")[1] for r in rows]
        self.assertEqual(organisations[0], organisations[1], "of one organisation")
        self.assertEqual(len(set(organisations)), 3)
        client = Client(temp_folder(), "dee")
        client.run(*shlex.split(rows[3]["command"])[1:]).ok()

    def test_names_are_text_everywhere(self):
        self.server.make_model("evil", {**read_spec("iris"), "name": EVIL, "purpose": EVIL})
        link, = self.server.invite("evil", 1)
        Client(temp_folder(), "evil").run("enroll", link, "--name", EVIL).ok()
        link, = self.server.invite("evil", 1, admit=False)
        Client(temp_folder(), "worse").run("enroll", link, "--name", EVIL + "2").ok()
        self.server.admin("POST", "/drafts", {"name": EVIL, "content": {"model": EVIL, "spec": {
            **read_spec("iris"), "name": EVIL}}}).must(201)
        draft = next(d["id"] for d in self.server.admin("GET", "/drafts").must().json["drafts"]
                     if d["name"] == EVIL)
        for path in ("/models/evil/members", "/people", "/new", "/money", f"/new?draft={draft}",
                     "/new?clone=evil", "/new?made=evil"):
            with self.subTest(path=path):
                said = self.act("admin.text", path=path, wait=EVIL)
                self.assertIn(EVIL, said)
        self.server.admin("DELETE", f"/drafts/{draft}").must(204)

    def test_every_page_stands_inspection(self):
        for name, path in {"people": "/people", "money": "/money", "system": "/system",
                           "account": "/account", "api-docs": "/api"}.items():
            with self.subTest(page=name):
                said = self.act("frame.inspect", path=path, name=name)
                self.assertGreater(len(said), 200)

    def test_the_interface_for_programs(self):
        command = self.act("admin.api", who="programmer")
        self.assertIn("/api/v1/models'", command)
        self.assertIn("$CHORUS_TOKEN", command)
