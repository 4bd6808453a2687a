#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Makes what the server serves: node build.mjs FOLDER writes FOLDER/index.html and
// FOLDER/assets/NAME-HASH.EXT, each with its .br and .gz beside it.
// Fails when the catalogues of words differ, when a word is not in them, or when a page would
// write markup by text.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import esbuild from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const vendored = ['@noble/ed25519', '@noble/hashes', 'htm', 'preact', 'uplot']
const firstViewMax = 100 * 1000 // bytes on the wire

if (!process.argv[2]) throw new Error('usage: build.mjs FOLDER')
const out = resolve(process.argv[2])
const fresh = `${out}.new`

function filesBelow (folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

// ---- what may not be ----

// A key in two files would be one of them at random.
async function checkTwice () {
  const files = filesBelow(join(here, 'js/words/en'))
  const keys = (await Promise.all(files.map(async file => Object.keys((await import(file)).words)))).flat()
  return keys.filter((key, i) => keys.indexOf(key) !== i).map(key => `${key}: stands in two files`)
}

async function checkWords (sources) {
  const [en, de] = await Promise.all(['en', 'de'].map(async name =>
    (await import(join(here, 'js/words', `${name}.js`))).words))
  const complaints = []
  for (const key of Object.keys(en)) if (!(key in de)) complaints.push(`${key}: no German`)
  for (const key of Object.keys(de)) if (!(key in en)) complaints.push(`${key}: no English`)
  for (const [path, text] of sources) {
    for (const [, key] of text.matchAll(/\bt\('([^'$]+)'/g)) {
      if (!(key in en)) complaints.push(`${relative(here, path)}: no word ${key}`)
    }
  }
  return complaints
}

function checkSources (sources) {
  const complaints = []
  for (const [path, text] of sources) {
    const found = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/.exec(text)
    if (found) complaints.push(`${relative(here, path)}: ${found[0]}`)
  }
  return complaints
}

// ---- making it ----

function hashed (name, bytes) {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const ext = extname(name)
  const file = `assets/${basename(name, ext)}-${hash}${ext}`
  writeFileSync(join(fresh, file), bytes)
  return `/${file}`
}

function licences () {
  return vendored.map(name => {
    const folder = join(here, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find(f => /^licen[cs]e/i.test(f))
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
  }).join(`\n${'-'.repeat(72)}\n\n`)
}

function compress (path) {
  const bytes = readFileSync(path)
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
}

const sources = filesBelow(join(here, 'js')).filter(path => path.endsWith('.js'))
  .map(path => [path, readFileSync(path, 'utf8')])
const complaints = [...checkSources(sources), ...await checkWords(sources), ...await checkTwice()]
if (complaints.length) {
  console.error(complaints.join('\n'))
  process.exit(1)
}

rmSync(fresh, { recursive: true, force: true })
mkdirSync(join(fresh, 'assets'), { recursive: true })
const made = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { app: 'js/app.js', style: 'css/app.css' },
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: 'linked',
  legalComments: 'none',
  metafile: true,
  outdir: join(fresh, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  logLevel: 'warning'
})

const places = Object.fromEntries(Object.entries(made.metafile.outputs)
  .filter(([, o]) => o.entryPoint).map(([path, o]) => [o.entryPoint, `/assets/${basename(path)}`]))
let page = readFileSync(join(here, 'index.html'), 'utf8')
  .replace('css/app.css', places['css/app.css'])
  .replace('js/app.js', places['js/app.js'])
  .replace('icon.svg', hashed('icon.svg', readFileSync(join(here, 'icon.svg'))))
// what the entry imports at once is asked for at once
const entry = Object.entries(made.metafile.outputs).find(([, o]) => o.entryPoint === 'js/app.js')[1]
const early = entry.imports.filter(i => i.kind === 'import-statement').map(i => `/assets/${basename(i.path)}`)
page = page.replace('  </head>', early.map(p => `    <link rel="modulepreload" href="${p}">\n`).join('') + '  </head>')
page = page.replace('licences.txt', hashed('licences.txt', licences()))
writeFileSync(join(fresh, 'index.html'), page)

for (const path of filesBelow(fresh)) compress(path)
const first = ['index.html', ...[...early, places['css/app.css'], places['js/app.js']].map(p => p.slice(1))]
const size = first.reduce((sum, file) => sum + statSync(join(fresh, `${file}.br`)).size, 0)
console.log(`first view: ${size} bytes compressed`)
if (size > firstViewMax) throw new Error(`the first view may have ${firstViewMax} bytes`)
rmSync(out, { recursive: true, force: true })
renameSync(fresh, out)
