# SPDX-License-Identifier: Apache-2.0
"""What holds for every page, in a real browser."""

import browser

PUBLIC = {"home": "/", "leaderboard": "/leaderboard", "governance": "/governance", "log": "/log",
          "me": "/me", "login": "/login", "api": "/api", "missing": "/nowhere/at/all"}


class Frame(browser.Pages):
    """An empty instance, and somebody who has never been here."""

    LIMIT = 120

    def test_every_page_stands_inspection(self):
        for name, path in PUBLIC.items():
            with self.subTest(page=name):
                said = self.browser.act("frame.inspect", path=path, name=f"empty-{name}")
                self.assertGreater(len(said), 20, "an empty page teaches")

    def test_the_first_view(self):
        self.browser.act("frame.firstView", who="new", path="/")

    def test_by_keyboard_alone(self):
        self.browser.act("frame.keyboard")

    def test_language_and_colours(self):
        self.browser.act("frame.preferences", who="hans")
