// SPDX-License-Identifier: Apache-2.0

// Independent checks a log with nothing of Chorus in it: signatures by x/mod/sumdb/note, tree
// and proofs by x/mod/sumdb/tlog, the rest read off the C2SP specifications and docs/api.md.
//
//	independent [-witness VKEY]... [-tiles-only] ADDRESS VKEY
//
// It prints one line of JSON with what it checked, or says what does not hold and leaves
// with 1.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	bodyMax    = 64 << 20
	provedMax  = 2000 // leaves and older sizes, when the log has more
	askedMax   = 100  // proofs of each kind that the server is asked for
)

type counts struct {
	Origin              string `json:"origin"`
	Size                int64  `json:"size"`
	Root                string `json:"root"`
	Cosignatures        int    `json:"cosignatures"`
	Tiles               int    `json:"tiles"`
	Bundles             int    `json:"bundles"`
	Entries             int64  `json:"entries"`
	Inclusions          int    `json:"inclusions"`
	Consistencies       int    `json:"consistencies"`
	ServerInclusions    int    `json:"server_inclusions"`
	ServerConsistencies int    `json:"server_consistencies"`
}

// A server is a log's address and, as a tlog.TileReader, the tiles behind it.
type server struct {
	prefix string
	client http.Client
	tiles  map[tlog.Tile][]byte // those that were verified
}

func (s *server) fetch(path string) ([]byte, error) {
	reply, err := s.client.Get(s.prefix + path)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, reply.Status)
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, bodyMax+1))
	if err == nil && len(body) > bodyMax {
		err = fmt.Errorf("%s: more than %d bytes", path, bodyMax)
	}
	return body, err
}

// c2sp is the path of a tile: Go writes the height into it, and has another word for entries.
func c2sp(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

func (s *server) Height() int { return tileHeight }

func (s *server) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		data[i] = s.tiles[t]
		if data[i] != nil {
			continue
		}
		var err error
		if data[i], err = s.fetch(c2sp(t)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (s *server) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, t := range tiles {
		s.tiles[t] = data[i]
	}
}

// ---- signatures

// A cosigner verifies what a witness signs: C2SP tlog-cosignature, type 4.
type cosigner struct {
	name string
	hash uint32
	key  note.Verifier // of the same key under type 1, for the signature itself
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("witness key %q is not NAME+ID+KEY", vkey)
	}
	material, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(material) != 33 || material[0] != 4 {
		return nil, fmt.Errorf("witness key %q is not of type 4", vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), material...))
	if parts[1] != hex.EncodeToString(sum[:4]) {
		return nil, fmt.Errorf("witness key %q has not the ID of its name and key", vkey)
	}
	plain, err := note.NewEd25519VerifierKey(parts[0], material[1:])
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(plain)
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), verifier}, err
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) < 8 {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, msg)
	return at < 1<<63 && c.key.Verify([]byte(text), sig[8:])
}

func checkpoint(s *server, log note.Verifier, witnesses []note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	msg, err := s.fetch("checkpoint")
	if err != nil {
		return tree, err
	}
	n, err := note.Open(msg, note.VerifierList(append(witnesses, log)...))
	if err != nil {
		return tree, fmt.Errorf("checkpoint: %w", err)
	}
	for _, v := range append(witnesses, log) {
		if !signed(n, v) {
			return tree, fmt.Errorf("checkpoint: no signature of %s", v.Name())
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != log.Name() {
		return tree, fmt.Errorf("checkpoint: not one of %s: %q", log.Name(), n.Text)
	}
	tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || tree.N < 1 || strconv.FormatInt(tree.N, 10) != lines[1] {
		return tree, fmt.Errorf("checkpoint: the size is %q", lines[1])
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	if err != nil {
		return tree, fmt.Errorf("checkpoint: the root is %q", lines[2])
	}
	return tree, nil
}

func signed(n *note.Note, v note.Verifier) bool {
	for _, sig := range n.Sigs {
		if sig.Name == v.Name() && sig.Hash == v.KeyHash() {
			return true
		}
	}
	return false
}

// ---- tiles and entries

// rebuild makes the whole tree of the leaves again, in x/mod's order of storage.
func rebuild(leaves []tlog.Hash) ([]tlog.Hash, error) {
	var stored []tlog.Hash
	for i, leaf := range leaves {
		more, err := tlog.StoredHashesForRecordHash(int64(i), leaf, inMemory(&stored))
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	return stored, nil
}

func inMemory(stored *[]tlog.Hash) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		list := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			list[i] = (*stored)[x]
		}
		return list, nil
	}
}

// hashes reads every tile of the tree and returns those of the leaves. The reader of this
// x/mod leaves out tiles that it should check against their parents, when several of the
// tree's subtrees lie in one tile; so every hash is compared with the tree made again.
func hashes(tree tlog.Tree, reader tlog.HashReader) ([]tlog.Hash, error) {
	var leaves, stored []tlog.Hash
	for level := 0; tree.N>>(tileHeight*level) > 0; level++ {
		nodes := tree.N >> (tileHeight * level)
		var indexes []int64
		for i := int64(0); i < nodes; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(tileHeight*level, i))
		}
		got, err := reader.ReadHashes(indexes)
		if err == nil && level == 0 {
			leaves = got
			stored, err = rebuild(leaves)
		}
		if err != nil {
			return nil, fmt.Errorf("tiles of level %d: %w", level, err)
		}
		for i, x := range indexes {
			if got[i] != stored[x] {
				return nil, fmt.Errorf("hash %d of level %d is not that of its leaves", i, level)
			}
		}
	}
	root, err := tlog.TreeHash(tree.N, inMemory(&stored))
	if err == nil && root != tree.Hash {
		err = fmt.Errorf("the leaves make the root %v, not %v", root, tree.Hash)
	}
	return leaves, err
}

// entries reads every bundle and compares what its entries hash to with the tree.
func entries(s *server, leaves []tlog.Hash, c *counts) error {
	for from := int64(0); from < int64(len(leaves)); from += tileWidth {
		width := int64(len(leaves)) - from
		if width > tileWidth {
			width = tileWidth
		}
		t := tlog.Tile{H: tileHeight, L: -1, N: from / tileWidth, W: int(width)}
		bundle, err := s.fetch(c2sp(t))
		if err != nil {
			return err
		}
		for i := from; i < from+width; i++ {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("%s: cut short in entry %d", c2sp(t), i)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != leaves[i] {
				return fmt.Errorf("%s: entry %d is not the leaf", c2sp(t), i)
			}
			bundle = bundle[end:]
			c.Entries++
		}
		if len(bundle) > 0 {
			return fmt.Errorf("%s: %d bytes too many", c2sp(t), len(bundle))
		}
		c.Bundles++
	}
	return nil
}

// ---- proofs

// some numbers of 0..n-1, spread over all, with the first and the last: at most `most`.
func some(n, most int64) []int64 {
	var list []int64
	if n <= most {
		most = n
	}
	for i := int64(0); i < most; i++ {
		at := i
		if n > most {
			at = i * (n - 1) / (most - 1)
		}
		list = append(list, at)
	}
	return list
}

func prove(tree tlog.Tree, reader tlog.HashReader, leaves []tlog.Hash, c *counts) error {
	for _, i := range some(tree.N, provedMax) {
		proof, err := tlog.ProveRecord(tree.N, i, reader)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, i, leaves[i])
		}
		if err != nil {
			return fmt.Errorf("inclusion of leaf %d: %w", i, err)
		}
		c.Inclusions++
	}
	for _, i := range some(tree.N, provedMax) {
		old, err := tlog.TreeHash(i+1, reader)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, i+1, reader)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, i+1, old)
		}
		if err != nil {
			return fmt.Errorf("consistency from %d: %w", i+1, err)
		}
		c.Consistencies++
	}
	return nil
}

// A hexHash is a hash as docs/api.md writes it.
type hexHash tlog.Hash

func (h *hexHash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("a hash of %d digits", len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

func plain(path []hexHash) []tlog.Hash {
	list := make([]tlog.Hash, len(path))
	for i, h := range path {
		list[i] = tlog.Hash(h)
	}
	return list
}

func askInclusion(s *server, leaf int64, hash tlog.Hash, tree tlog.Tree) error {
	var said struct {
		Leaf, Size int64
		Hash, Root hexHash
		Path       []hexHash
	}
	path := fmt.Sprintf("proofs/inclusion?leaf=%d&size=%d", leaf, tree.N)
	body, err := s.fetch(path)
	if err == nil {
		err = json.Unmarshal(body, &said)
	}
	if err == nil && (said.Leaf != leaf || said.Size != tree.N ||
		tlog.Hash(said.Hash) != hash || tlog.Hash(said.Root) != tree.Hash) {
		err = fmt.Errorf("it is about something else: %s", body)
	}
	if err == nil {
		err = tlog.CheckRecord(plain(said.Path), tree.N, tree.Hash, leaf, hash)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func askConsistency(s *server, from, to tlog.Tree) error {
	var said struct {
		From, To int64
		Path     []hexHash
	}
	path := fmt.Sprintf("proofs/consistency?from=%d&to=%d", from.N, to.N)
	body, err := s.fetch(path)
	if err == nil {
		err = json.Unmarshal(body, &said)
	}
	if err == nil && (said.From != from.N || said.To != to.N) {
		err = fmt.Errorf("it is about something else: %s", body)
	}
	if err == nil {
		err = tlog.CheckTree(plain(said.Path), to.N, to.Hash, from.N, from.Hash)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// ask checks the proofs that the server itself makes: of leaves in the newest tree and of the
// last leaf in older trees, and from these to the newest.
func ask(s *server, tree tlog.Tree, reader tlog.HashReader, leaves []tlog.Hash, c *counts) error {
	for _, i := range some(tree.N, askedMax) {
		old := tlog.Tree{N: i + 1}
		var err error
		if old.Hash, err = tlog.TreeHash(old.N, reader); err != nil {
			return err
		}
		for _, in := range []tlog.Tree{tree, old} {
			if err := askInclusion(s, i, leaves[i], in); err != nil {
				return err
			}
			c.ServerInclusions++
		}
		if err := askConsistency(s, old, tree); err != nil {
			return err
		}
		c.ServerConsistencies++
	}
	return nil
}

// ----

func run(s *server, vkey string, witnessKeys []string, tilesOnly bool) (*counts, error) {
	log, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	var witnesses []note.Verifier
	for _, key := range witnessKeys {
		w, err := newCosigner(key)
		if err != nil {
			return nil, err
		}
		witnesses = append(witnesses, w)
	}
	tree, err := checkpoint(s, log, witnesses)
	if err != nil {
		return nil, err
	}
	c := &counts{Origin: log.Name(), Size: tree.N, Root: tree.Hash.String(),
		Cosignatures: len(witnesses)}
	reader := tlog.TileHashReader(tree, s)
	leaves, err := hashes(tree, reader)
	if err != nil {
		return nil, err
	}
	c.Tiles = len(s.tiles)
	if err := entries(s, leaves, c); err != nil {
		return nil, err
	}
	if err := prove(tree, reader, leaves, c); err != nil {
		return nil, err
	}
	if !tilesOnly {
		err = ask(s, tree, reader, leaves, c)
	}
	return c, err
}

type list []string

func (l *list) String() string { return strings.Join(*l, " ") }
func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func main() {
	var witnesses list
	flag.Var(&witnesses, "witness", "a witness that must have cosigned, as a verifier `key`")
	tilesOnly := flag.Bool("tiles-only", false, "do not ask for the server's own proofs")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: independent [-witness VKEY]... [-tiles-only] ADDRESS VKEY")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	s := &server{
		prefix: strings.TrimRight(flag.Arg(0), "/") + "/api/v1/log/",
		client: http.Client{Timeout: time.Minute},
		tiles:  map[tlog.Tile][]byte{},
	}
	found, err := run(s, flag.Arg(1), witnesses, *tilesOnly)
	if err != nil {
		fmt.Fprintln(os.Stderr, "independent:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
