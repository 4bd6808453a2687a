#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chorus on real data, told in words.

  run_story.py --story iris|stories --build DIR --db CONNINFO [--once] [--only NAME]

iris      three parties with 10, 10 and 20 flowers, anchored on a private Ethereum node and paid
          there; without --once it stays up afterwards
stories   ten hospitals, five lenders, and a hundred members of whom two in five vanish in
          the middle of every round

Everybody is a `chorus` process of its own with its own folder and its own rows. At the end
the shared model is compared, on rows that nobody trained on, with one that was trained in
one place on everybody's rows; more than two points behind is a failure."""

import argparse
import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import time

import browser
import chain
import harness
from anchored import AnchoredServer, PASSPHRASE, keystore
from harness import Client, Server, changed, csv_text, deal, read_csv, read_spec, say
from harness import stratified, until, write_csv

POINTS = 2.0
SEED = 7
ATTEMPTS = 3


class Ended(AssertionError):
    """An attempt of a round failed."""


class Story:
    """A data set dealt to members, and the rounds they play."""

    def __init__(self, name, title, who, sizes, rounds, **options):
        self.name, self.title, self.who = name, title, who
        self.sizes, self.rounds = sizes, rounds
        self.silent = options.get("silent", 0)      # join, and do not share
        self.vanish = options.get("vanish", 0)      # share, and do not upload
        self.simulated = bool(self.silent or self.vanish)
        self.budget = options.get("budget", 0)      # wei a round, paid on a real chain
        self.deadlines = options.get("deadlines", {})
        self.patience = options.get("patience", 60)  # seconds a round may take
        self.draw = random.Random(SEED)

    # ---- the table is laid

    def prepare(self):
        self.folder = harness.temp_folder("chorus-story.")
        self.spec = changed(read_spec(self.name), deadlines=self.deadlines)
        self.head, rows = read_csv(self.name)
        target = self.head.index(self.spec["target"]["name"])
        self.parts, rest = deal(stratified(rows, target, SEED), self.sizes)
        self.train = self.file("together.csv", [row for part in self.parts for row in part])
        self.test = self.file("public.csv", rest)
        self.rest = rest
        self.slug = self.name.replace("_", "-")
        self.server = self.anchor() if self.budget else Server(self.folder,
                                                               simulated=self.simulated)
        self.server.make_model(self.slug, self.spec)
        self.server.call("PUT", f"/models/{self.slug}/holdout", kind="text/csv",
                         raw=csv_text(self.head, rest).encode(),
                         auth=f"Bearer {self.server.token}").must(200)
        say(f"The coordinator listens on {self.server.origin}")
        say(f"{len(self.sizes)} {self.who} hold {sum(self.sizes)} rows; {len(rest)} further rows "
            "are public and only measure.")
        self.members = []
        for i, link in enumerate(self.server.invite(self.slug, len(self.sizes))):
            client = Client(self.folder, f"{self.who} {i + 1}")
            client.address = "0x" + secrets.token_hex(20)
            client.enrol(link, *(["--payout", client.address] if self.budget else []))
            client.data = self.file(f"rows-{i + 1}.csv", self.parts[i])
            client.process = None
            self.members.append(client)
        say(f"Each of the {len(self.sizes)} has a key and is enrolled.")
        if self.budget:
            self.fund()

    def file(self, name, rows):
        return write_csv(os.path.join(self.folder, name), self.head, rows)

    # ---- the chain

    def anchor(self):
        """A server whose instance is anchored on a private node."""
        self.spec["reward"] = {"scheme": "samples", "budget": str(self.budget)}
        self.node = chain.Anvil(self.folder)
        server = AnchoredServer(self.node, self.folder, flags=browser.pages())
        say(f"A private Ethereum node runs at {self.node.url}; these contracts hold the rules:",
            *(f"  {name:<20} {address}" for name, address in server.at.items()))
        return server

    def fund(self):
        """Somebody's ether for all rounds; the balances before."""
        def registered():
            return self.server.get(f"/models/{self.slug}").must().json["policy"]
        until(registered, 60, "the model is registered")
        path, secret = (os.path.join(self.folder, name) for name in ("donor.json", "donor.pass"))
        with open(secret, "w", encoding="ascii") as out:
            out.write(PASSPHRASE + "\n")
        keystore(path)
        self.node.fund(self.server.chorusd("key", "address", path).stdout.split()[1])
        told = self.members[0].run("deposit", self.slug, str(self.rounds * self.budget),
                                   "--key", path, "--passphrase-file", secret, "--rpc",
                                   self.node.url).ok().out
        say(told.splitlines()[-1])
        for client in self.members:
            client.before = self.node.balance(client.address)

    def paid(self):
        """What everybody has on the chain once all payments are final; and an audit of it."""
        until(lambda: not self.server.txs("state <> 'final'", "id"), 120,
              "every payment is final")
        rewards = {client.name: 0 for client in self.members}
        say("", f"{'On-chain balance, in ether':<28} {'before':>10} {'after':>10}  address")
        for client, size in zip(self.members, self.sizes, strict=True):
            after = self.node.balance(client.address, "finalized")
            rewards[client.name] = after - client.before
            say(f"  {client.name:<26} {client.before / chain.ETHER:10.4f} "
                f"{after / chain.ETHER:10.4f}  {client.address}")
            due = self.rounds * (self.budget * size // sum(self.sizes))
            if after - client.before != due:
                raise AssertionError(f"{client.name} got {after - client.before} wei, not {due}")
        self.verify()

    def verify(self):
        """The whole history again from public data, and what stands on the chain."""
        words = "verify", "--all", "--rpc", self.node.url, "--server", self.server.origin
        said = self.members[0].run(*words, "--json", limit=300).ok().out.splitlines()
        found = {"anchors": 0, "payouts": 0}
        for report in map(json.loads, said):
            for check in report.get("checks", []):
                if check["check"] in found and check["outcome"] == "holds":
                    found[check["check"]] += 1
        if set(found.values()) != {self.rounds}:
            raise AssertionError(f"the audit does not say that they hold: {found}")
        say("", "chorus verify --all, over a node of the member's own: everything holds, the "
            f"anchors and payouts of all {self.rounds} rounds among it.")

    # ---- rounds

    def start(self, client):
        extra = ["--json", *(["--rpc", self.node.url] if self.budget else [])]
        client.process = client.participate(self.slug, client.data, rounds=self.rounds,
                                            simulated=self.simulated, extra=extra)
        client.read = 0

    def words(self, client, ctx):
        """What the client has said of this round since it was last asked."""
        with open(client.process.log, encoding="utf-8", errors="replace") as log:
            log.seek(client.read)
            text = log.read()
            end = text.rfind("\n") + 1
            client.read += len(text[:end].encode())
        for line in text[:end].splitlines():
            if line.startswith("{"):
                word = json.loads(line)
                if word.get("ctx") == ctx:
                    yield word["event"]

    def play(self):
        say(f"{self.rounds} rounds of joining, sharing, uploading and unmasking:")
        for number in range(1, self.rounds + 1):
            self.tell(number, self.one_round(number))
        for client in self.members:
            if client.process.running() and not self.simulated:
                client.process.wait(30)

    def one_round(self, number):
        """Its result. Where many vanish on purpose, one attempt may lose one too many."""
        for attempt in range(ATTEMPTS if self.simulated else 1):
            ctx = self.open(number)
            for client in self.members:
                if not client.process or not client.process.running():
                    self.start(client)
            try:
                self.lose_some(ctx)
                return self.wait(ctx, number)
            except Ended as reason:
                say(f"  round {number:2}  attempt {attempt + 1} ended: {reason}")
        raise AssertionError(f"round {number} failed")

    def open(self, number):
        if number == 1 or self.simulated:
            return self.server.open_round(self.slug)
        if number == 2:  # the rest goes by itself
            self.server.admin("PUT", f"/models/{self.slug}/schedule", {
                "every": 1, "rounds": self.rounds, "target": None}).must(200)

        def opened():
            newest = self.server.newest(self.slug)
            return newest if newest and newest["round"] == number else None
        return until(opened, 30, f"round {number} opens")["ctx"]

    def lose_some(self, ctx):
        """Some members are killed after they joined, some after they shared."""
        chosen = self.draw.sample(self.members, self.silent + self.vanish)
        self.strike(ctx, chosen[:self.silent], "joined")
        self.strike(ctx, chosen[self.silent:], "shared")

    def strike(self, ctx, chosen, last_word):
        left = set(chosen)

        def struck():
            for client in list(left):
                if last_word in self.words(client, ctx):
                    client.process.kill()
                    left.discard(client)
            self.check_alive(ctx)
            return not left
        until(struck, self.patience, f"{len(chosen)} members have {last_word}")

    def check_alive(self, ctx):
        state = self.server.state(ctx)
        if state["phase"] == "failed":
            raise Ended(state["failure"]["title"])
        return state["phase"]

    def wait(self, ctx, number):
        def ended():
            for client in self.members:
                if not self.simulated and not client.process.running() and \
                        client.process.popen.returncode != 0:
                    raise AssertionError(f"{client.name} left: {client.process.output()}")
            return self.check_alive(ctx) == "done"
        until(ended, self.patience, f"round {number}")

        def measured():
            for result in self.server.results(self.slug):
                if result["ctx"] == ctx and result["holdout"]:
                    return result
            return None
        return until(measured, 20, f"the measure of round {number}")

    def tell(self, number, result):
        accuracy = 100 * result["holdout"]["accuracy"]
        bar = "█" * round(accuracy / 2.5)
        state = self.server.state(result["ctx"])
        who = f"{state['joined']} joined, {state['shared']} shared, {state['uploaded']} uploaded"
        say(f"  round {number:2}  {who:<36} {bar:<40} {accuracy:5.1f} %")
        if number == self.rounds:
            self.tell_groups(result.get("groups") or {})

    def tell_groups(self, groups):
        """How the model before the last round treated each group, on everybody's own rows."""
        for name, group in groups.items():
            seen = group["evaluated"]
            if not seen:
                continue
            right = 100 * (group["true_positive"] + group["true_negative"]) / seen
            said = 100 * (group["true_positive"] + group["false_positive"]) / seen
            was = 100 * (group["true_positive"] + group["false_negative"]) / seen
            say(f"  {name}: right in {right:.0f} % of {seen}; says "
                f"\"{self.spec['positive']}\" to {said:.0f} %, where {was:.0f} % were")

    # ---- how good it is

    def compare(self):
        weights = os.path.join(self.folder, "shared.f32")
        with open(weights, "wb") as out:
            out.write(self.server.weights(self.slug))
        spec = os.path.join(self.folder, "spec.json")
        with open(spec, "w", encoding="utf-8") as out:
            json.dump(self.spec, out)
        done = subprocess.run([harness.program("central"), spec, self.train, self.test,
                               str(self.rounds), weights], capture_output=True, text=True,
                              timeout=300, check=False)
        if done.returncode != 0:
            raise AssertionError(f"central: {done.stderr}")
        found = dict(line.split() for line in done.stdout.splitlines())
        self.central, self.shared = float(found["central"]), float(found["shared"])
        served = 100 * self.server.results(self.slug)[-1]["holdout"]["accuracy"]
        if abs(served - self.shared) > 0.01:
            raise AssertionError(f"the server says {served}, its weights give {self.shared}")
        self.good = self.shared >= self.central - POINTS

    def line(self):
        verdict = "within 2 points" if self.good else "TOO FAR BEHIND"
        return (f"{self.title:<32} {len(self.sizes):>7} {self.rounds:>6} {len(self.rest):>9} "
                f"{self.shared:8.1f} %  {self.central:12.1f} %  {verdict}")

    def run(self):
        say("", self.title, "=" * len(self.title))
        begun = time.monotonic()
        self.prepare()
        self.play()
        if self.budget:
            self.paid()
        self.compare()
        say(f"Done in {time.monotonic() - begun:.0f} seconds.")

    def close(self):
        for client in getattr(self, "members", []):
            if client.process:
                client.process.kill()
        if getattr(self, "server", None):
            self.server.close()
        if getattr(self, "node", None):
            self.node.kill()
        if getattr(self, "folder", None):
            harness.remove_folder(self.folder)


HEADING = (f"{'':<32} {'members':>7} {'rounds':>6} {'tested on':>9} {'together':>10}  "
           f"{'in one place':>14}")


def iris():
    return Story("iris", "Iris, three parties", "botanists", [10, 10, 20], 8,
                 budget=3 * chain.ETHER // 10)


def others():
    return [
        Story("breast_cancer", "Breast cancer, ten hospitals", "hospitals",
              [8, 16, 24, 32, 38, 44, 50, 56, 62, 70], 10),
        Story("german_credit", "German credit, five lenders", "lenders",
              [80, 120, 160, 200, 240], 10),
        Story("digits", "Digits, a hundred members", "members", [14] * 100, 20, silent=20,
              vanish=20, patience=180,
              deadlines={"join": 120, "share": 8, "upload": 10, "unmask": 60}),
    ]


def play_all(stories, once):
    told, code = [], 0
    for story in stories:
        try:
            story.run()
            told.append(story.line())
            code |= not story.good
        except (AssertionError, RuntimeError, OSError) as problem:
            say(f"The story of {story.title} fails: {problem}")
            if story.__dict__.get("server"):
                for name, text in story.server.logs():
                    say(f"--- {name}", harness.tail(text, 15))
            told.append(f"{story.title:<32} FAILED")
            code = 1
        if once or story is not stories[-1]:
            story.close()
    say("", HEADING, *told)
    return code


def stay_up(story):
    link = re.search(r"\S+/#setup=\S+", story.server.process.output())
    say("", "The coordinator stays up until Ctrl-C. Look at it in a browser:",
        f"  {story.server.origin}/models/{story.slug}",
        *(("and become its administrator, by a link that is good once:", f"  {link[0]}") if link else ()))
    try:
        while story.server.process.running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("Good-bye.")
    story.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--story", choices=("iris", "stories"), default="iris")
    parser.add_argument("--build", default=harness.Settings.build)
    parser.add_argument("--db", default=harness.Settings.db)
    parser.add_argument("--once", action="store_true", help="end when the story is told")
    parser.add_argument("--only", default="", help="of the stories, those of this name")
    options = parser.parse_args()
    harness.Settings.build = os.path.abspath(options.build)
    harness.Settings.db = options.db
    harness.end_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if options.story == "iris":
        stories, once = [iris()], options.once
    else:
        stories, once = [s for s in others() if options.only in s.name], True
    code = play_all(stories, once)
    if not once and not code:
        stay_up(stories[0])
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
