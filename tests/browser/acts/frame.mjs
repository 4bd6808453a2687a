// SPDX-License-Identifier: Apache-2.0
// What holds for every page.
import assert from 'node:assert/strict'

// Goes there, and the page stands every inspection; its screenshots are called `name`.
export async function inspect (tab, { path, name }) {
  await tab.go(path)
  await tab.inspect(name)
  return tab.text()
}

export async function text (tab, { path }) {
  if (path) await tab.go(path)
  return tab.text()
}

// The first view: one document, its style, its script, what that needs at once; small, and nothing shifts.
export async function firstView (tab, { path }) {
  const files = []
  tab.page.on('response', r => { if (!r.url().includes('/events')) files.push(r) }) // a stream has no end
  await tab.page.addInitScript(() => {
    window.shift = 0
    new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value })
      .observe({ type: 'layout-shift', buffered: true })
  })
  await tab.go(path)
  await tab.page.waitForTimeout(500) // with a stream the network is never idle
  let bytes = 0
  for (const r of files) {
    const sizes = await r.request().sizes()
    bytes += sizes.responseBodySize
    if (r.url().includes('/assets/')) {
      assert.match(r.headers()['cache-control'] ?? '', /immutable/, r.url())
      assert.equal(r.headers()['content-encoding'], 'br', r.url())
    }
  }
  const shift = await tab.page.evaluate(() => window.shift)
  assert.ok(bytes < 100_000, `the first view has ${bytes} bytes`)
  assert.ok(shift < 0.05, `the layout shifts by ${shift}`)
  return { bytes, shift }
}

// Language and colours are chosen and remembered.
export async function preferences (tab) {
  await tab.go('/')
  await tab.page.getByLabel('Language').selectOption('de')
  await tab.page.getByRole('link', { name: 'Modelle' }).waitFor()
  await tab.page.getByLabel('Farben').selectOption('dark')
  await tab.go('/')
  await tab.page.getByRole('link', { name: 'Modelle' }).waitFor()
  assert.equal(await tab.page.evaluate(() => document.documentElement.lang), 'de')
  const dark = await tab.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  await tab.page.getByLabel('Farben').selectOption('light')
  const light = await tab.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  assert.notEqual(dark, light)
  await tab.page.getByLabel('Sprache').selectOption('en')
}

// By keyboard alone: the first stop skips to the content, each stop is seen, Enter follows a link.
export async function keyboard (tab) {
  await tab.go('/')
  const press = key => tab.page.keyboard.press(key)
  const focused = () => tab.page.evaluate(() => {
    const e = document.activeElement
    const { outlineStyle, outlineWidth } = getComputedStyle(e)
    return { tag: e.tagName, text: e.innerText?.trim(), href: e.getAttribute('href'), ring: outlineStyle !== 'none' && outlineWidth !== '0px' }
  })
  await press('Tab')
  assert.match((await focused()).text, /Skip/)
  await press('Enter')
  assert.equal((await focused()).tag, 'H1')
  await tab.go('/')
  const seen = []
  for (let i = 0; i < 40 && seen.at(-1)?.href !== '/log'; i++) {
    await press('Tab')
    seen.push(await focused())
    assert.ok(seen.at(-1).ring, `no visible focus on ${JSON.stringify(seen.at(-1))}`)
  }
  assert.equal(seen.at(-1).href, '/log')
  await press('Enter')
  await tab.page.waitForURL('**/log')
  await tab.ready()
  assert.equal((await focused()).tag, 'H1')
  await tab.page.goBack()
  await tab.ready()
  assert.equal(new URL(tab.page.url()).pathname, '/')
}
