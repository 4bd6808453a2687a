# SPDX-License-Identifier: Apache-2.0
"""Pages and assets: answered from memory, compressed, kept by browsers, and nothing else."""
import gzip
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from serving import Base, Server, psql, wait_until

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
          "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
INDEX, APP, ICON = b"<!doctype html><title>Chorus</title>", b"export const a = 1\n" * 40, b"<svg/>"


def write(folder, name, data, compressed=True):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(data)
    if compressed:
        with open(path + ".gz", "wb") as out:
            out.write(gzip.compress(data))
        with open(path + ".br", "wb") as out:
            out.write(b"brotli:" + data)  # nobody here decompresses it


def folder_of_pages():
    folder = tempfile.mkdtemp(prefix="chorus-pages-")
    write(folder, "index.html", INDEX)
    write(folder, "assets/app-1a2b.js", APP)
    write(folder, "assets/icon-3c4d.svg", ICON, compressed=False)
    write(folder, ".secret", b"not for anybody", compressed=False)
    return folder


class Pages(Base):
    @classmethod
    def setUpClass(cls):
        cls.folder = folder_of_pages()
        cls.flags = {"static": cls.folder}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.folder)

    def fetch(self, path, method="GET", **headers):
        connection = self.server.connect()
        try:
            connection.request(method, path, headers={
                k.replace("_", "-"): v for k, v in headers.items()})
            got = connection.getresponse()
            return got.status, got.headers, got.read()
        finally:
            connection.close()

    def test_every_place_is_the_page(self):
        for path in ("/", "/index.html", "/models/iris", "/rounds/" + "0" * 64, "/log/17", "/api",
                     "/new?draft=3", "/metricsx", "/x" * 500):
            status, headers, body = self.fetch(path)
            self.assertEqual((status, body), (200, INDEX), path)
            self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
            self.assertEqual(headers["Cache-Control"], "no-cache")
            self.assertEqual(headers["Content-Security-Policy"], POLICY)
            for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "ETag"):
                self.assertIn(name, headers)

    def test_assets_are_kept_for_ever(self):
        status, headers, body = self.fetch("/assets/app-1a2b.js")
        self.assertEqual((status, body), (200, APP))
        self.assertEqual(headers["Content-Type"], "text/javascript; charset=utf-8")
        self.assertEqual(headers["Cache-Control"], "public, max-age=31536000, immutable")
        self.assertEqual(self.fetch("/assets/icon-3c4d.svg")[1]["Content-Type"], "image/svg+xml")
        self.assertEqual(self.fetch("/assets/app-0000.js")[0], 404)

    def test_encodings(self):
        for accepted, wanted in (
                ("br", "br"), ("gzip", "gzip"), ("gzip, deflate, br, zstd", "br"), ("GZIP", "gzip"),
                ("br;q=0, gzip;q=0.5", "gzip"), ("br;q=0.0,gzip;q=0", None), ("*", "br"),
                ("*;q=0", None), ("br;q=0, *", "gzip"), ("identity", None), ("", None),
                ("bro, gz", None), ("br ; q=1", "br"), (";;,=,q=0,", None)):
            status, headers, body = self.fetch("/assets/app-1a2b.js", Accept_Encoding=accepted)
            self.assertEqual((status, headers["Content-Encoding"]), (200, wanted), accepted)
            self.assertEqual(headers["Vary"], "Accept-Encoding")
            if wanted == "gzip":
                body = gzip.decompress(body)
            self.assertEqual(body, b"brotli:" + APP if wanted == "br" else APP)
        status, headers, body = self.fetch("/assets/icon-3c4d.svg", Accept_Encoding="br, gzip")
        self.assertEqual((headers["Content-Encoding"], body), (None, ICON))

    def test_what_the_browser_has_is_not_sent_again(self):
        tags = set()
        for accepted in ("br", "gzip", "identity"):
            for path in ("/", "/assets/app-1a2b.js"):
                tag = self.fetch(path, Accept_Encoding=accepted)[1]["ETag"]
                tags.add(tag)
                for given in (tag, "W/" + tag, f'"x", {tag}', "*"):
                    status, headers, body = self.fetch(path, Accept_Encoding=accepted,
                                                       If_None_Match=given)
                    self.assertEqual((status, body, headers["ETag"]), (304, b"", tag), given)
                self.assertEqual(self.fetch(path, If_None_Match='"other"')[0], 200)
        self.assertEqual(len(tags), 6, "each form has a tag of its own")

    def test_head(self):
        for path in ("/", "/assets/app-1a2b.js", "/assets/none"):
            status, headers, body = self.fetch(path, "HEAD")
            whole = self.fetch(path)
            self.assertEqual((status, body), (whole[0], b""))
            self.assertEqual(headers["Content-Length"], whole[1]["Content-Length"])

    def test_the_file_system_is_out_of_reach(self):
        name = os.path.basename(self.server.key)
        for path in ("/assets/../.secret", "/assets/%2e%2e/.secret", "/.secret", "/assets/..%2f.secret",
                     "/assets//app-1a2b.js", "/assets/app-1a2b.js%00.css", "/assets/app-1a2b.js/",
                     "/assets/.", "/assets/../../../../../../etc/passwd", "//etc/passwd",
                     "/assets/app-1a2b.js.gz", "/assets/app-1a2b.js.br", "/assets/" + name,
                     "/assets/" + "../" * 12 + self.server.key.lstrip("/")):
            status, _, body = self.fetch(path)
            self.assertIn((status, body == INDEX), ((404, False), (200, True)), path)

    def test_changes_on_disk_are_not_seen(self):
        with open(os.path.join(self.folder, "assets", "late.js"), "wb") as out:
            out.write(b"late")
        self.assertEqual(self.fetch("/assets/late.js")[0], 404)

    def test_other_methods_and_bodies(self):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            self.assertEqual(self.fetch("/", method, Content_Length="0")[0], 404)
        got = self.server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n"
                              b"Host: x\r\nConnection: close\r\n\r\n")
        self.assertNotIn(b" 500 ", got)

    def test_many_over_one_connection(self):
        connection = self.server.connect()
        for _ in range(200):
            connection.request("GET", "/models/iris")
            self.assertEqual(connection.getresponse().read(), INDEX)
        connection.close()

    def test_no_worker_and_no_database(self):
        """The only worker is held up, and pages are served all the same."""
        with Server(static=self.folder, request_workers=1) as server:
            lock = subprocess.Popen(["psql", "-XqAt", server.db, "-c",
                                     "BEGIN; LOCK TABLE models; SELECT 1; SELECT pg_sleep(3)"],
                                    stdout=subprocess.DEVNULL)
            locked = "SELECT count(*) FROM pg_locks WHERE relation = 'models'::regclass " \
                     "AND mode = 'AccessExclusiveLock' AND granted"
            self.assertTrue(wait_until(lambda: psql(server.db, locked) == "1"))
            held = server.connect()
            held.request("GET", "/api/v1/models")
            time.sleep(0.2)
            connection = server.connect(timeout=1)
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().read(), INDEX)
            connection.close()
            self.assertIsNone(lock.poll(), "the lock was still held")
            self.assertEqual(held.getresponse().status, 200)
            held.close()
            lock.wait()


class NoPages(Base):
    flags = {"static": "/nonexistent/pages"}

    def test_what_to_do_is_said(self):
        connection = self.server.connect()
        connection.request("GET", "/")
        got = connection.getresponse()
        self.assertEqual((got.status, got.headers["Content-Type"]),
                         (404, "application/problem+json"))
        self.assertIn(b"setting static", got.read())
        connection.close()
        self.assertEqual(self.server.get("/health").status, 200)
        with open(self.server.log.name, encoding="utf-8") as log:
            self.assertEqual(log.read().count('"event":"pages"'), 1)


if __name__ == "__main__":
    unittest.main()
