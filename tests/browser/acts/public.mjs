// SPDX-License-Identifier: Apache-2.0
// The pages that everybody sees: rounds as they go on, models, people, money, the log.
import assert from 'node:assert/strict'

const lead = tab => tab.page.locator('.await .lead').first()

// Logs in as the login page does, and stays where one is.
export async function login (tab, { name, password }) {
  await tab.go('/')
  const status = await tab.page.evaluate(async body => (await fetch('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).status, { name, password })
  assert.equal(status, 201)
  await tab.go('/')
  await tab.page.getByRole('button', { name: 'Log out', exact: true }).waitFor()
}

// Streams do not get through for this person.
export async function withoutStreams (tab) {
  tab.blocked = 0
  await tab.context.route('**/api/v1/events**', route => { tab.blocked++; return route.abort() })
}

export const blocked = tab => tab.blocked

// Opens a round's page and stays there.
export const watch = (tab, { ctx }) => tab.go(`/rounds/${ctx}`)

// Reads, within the limit, a sentence that holds all the words.
export async function says (tab, { words, within = 5000 }) {
  const begun = Date.now()
  const found = await tab.page.waitForFunction(words => {
    const text = document.querySelector('main').innerText
    return words.every(w => text.includes(w)) && text
  }, words, { timeout: within * Number(process.env.SLOW ?? 1), polling: 50 })
  return { after: Date.now() - begun, text: await found.jsonValue() }
}

export const awaited = async tab => (await lead(tab).innerText()).replace(/\s+/g, ' ')

// What a row of the members' table says.
export async function member (tab, { name }) {
  return (await tab.page.locator('tr', { hasText: name }).first().innerText()).replace(/\s+/g, ' ')
}

export const ring = tab => tab.page.locator('svg.ring').getAttribute('aria-label')

export async function entries (tab) {
  return tab.page.locator('.entries li').evaluateAll(all => all.map(li => ({ href: li.querySelector('a')?.getAttribute('href'), text: li.innerText })))
}

// Cancels the attempt: asked once more, then done.
export async function cancel (tab) {
  await tab.page.getByRole('button', { name: 'Cancel the attempt' }).click()
  const dialog = tab.page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Cancel the attempt' }).click()
  await dialog.waitFor({ state: 'detached' })
}

export const inspectHere = (tab, { name }) => tab.inspect(name)

// ---- a model ----

export async function model (tab, { slug, name }) {
  await tab.go(`/models/${slug}`)
  await tab.page.locator('.plot canvas').waitFor()
  await tab.page.locator('summary', { hasText: 'The same as a table' }).click()
  const rows = await tab.page.locator('details[open] tbody tr').evaluateAll(all => all.map(tr => [...tr.cells].map(td => td.innerText)))
  const bars = await tab.page.locator('.group-bar').evaluateAll(all => all.map(b => b.getAttribute('aria-label')))
  const commands = await tab.page.locator('.command code').allInnerTexts()
  const links = await tab.page.locator('#download a[download]').evaluateAll(all => all.map(a => a.getAttribute('href')))
  await tab.inspect(name)
  return { rows, bars, commands, links, text: await tab.text() }
}

export async function openRound (tab, { slug }) {
  await tab.go(`/models/${slug}`)
  await tab.page.getByRole('button', { name: 'Open a round' }).click()
  await tab.page.waitForURL('**/rounds/*')
  await tab.ready()
  return tab.page.url().split('/').pop()
}

export async function openAgain (tab) {
  const before = tab.page.url()
  await tab.page.getByRole('button', { name: 'Open a new attempt' }).click()
  await tab.page.waitForURL(url => url.href !== before)
  await tab.ready()
  return tab.page.url().split('/').pop()
}

// What is no JSON, and then no description, stays in the field with what is wrong beside it.
export async function newVersion (tab, { slug, purpose }) {
  await tab.go(`/models/${slug}`)
  await tab.page.getByRole('button', { name: 'Edit the description' }).click()
  const field = tab.page.getByLabel('Description (docs/spec.md)')
  const put = tab.page.getByRole('button', { name: 'Publish this version' })
  const spec = JSON.parse(await field.inputValue())
  await field.fill('{')
  await put.click()
  await tab.sees('This is not JSON.')
  assert.equal(await field.inputValue(), '{')
  await field.fill(JSON.stringify({ ...spec, ring_bits: 17 }))
  await put.click()
  await tab.sees('must be 16, 24, 32, 40, 48 or 64')
  await field.fill(JSON.stringify({ ...spec, purpose }))
  await put.click()
  await field.waitFor({ state: 'detached' })
  await tab.sees(purpose)
}

export async function schedule (tab, { slug, every, rounds }) {
  await tab.go(`/models/${slug}`)
  await tab.page.getByLabel('A new round every').fill(String(every))
  await tab.page.getByLabel('Unit').selectOption('minutes')
  await tab.page.getByLabel('Until there are this many results').fill(String(rounds))
  await tab.page.getByRole('button', { name: 'Set the schedule' }).click()
  await tab.sees('A schedule is set.')
  await tab.page.getByRole('button', { name: 'Stop it' }).click()
  await tab.page.getByText('A schedule is set.').waitFor({ state: 'detached' })
}

// Nothing happens before the name is typed.
export async function retire (tab, { slug }) {
  await tab.go(`/models/${slug}`)
  await tab.page.getByRole('button', { name: 'Retire the model' }).click()
  const dialog = tab.page.getByRole('dialog')
  const doIt = dialog.getByRole('button', { name: 'Retire the model' })
  await doIt.click()
  assert.ok(await dialog.isVisible())
  await dialog.getByRole('textbox').fill(slug)
  await doIt.click()
  await dialog.waitFor({ state: 'detached' })
  await tab.sees('Retired: no more rounds.')
}

// ---- the log ----

const outcomes = tab => tab.page.locator('.checks li').evaluateAll(all => Object.fromEntries(all.map(li => [li.dataset.check, li.dataset.outcome])))

// tamper: {path, from, to}: what the server says at this path is changed on its way.
export async function check (tab, { leaf, tamper, name }) {
  if (tamper) {
    await tab.page.route(url => url.pathname.startsWith(`/api/v1${tamper.path}`), async route => {
      const reply = await route.fetch()
      const body = await reply.text()
      assert.ok(body.includes(tamper.from), `${tamper.from} is not in ${body.slice(0, 300)}`)
      await route.fulfill({ response: reply, body: body.replace(tamper.from, tamper.to) })
    })
  }
  await tab.go(`/log/${leaf}`)
  await tab.page.getByRole('button', { name: 'Check this in my browser' }).click()
  await tab.page.locator('#proof .notice').first().waitFor()
  const found = await outcomes(tab)
  if (name) await tab.inspect(name)
  await tab.page.unrouteAll({ behavior: 'wait' })
  return { outcomes: found, text: (await tab.text()), path: await tab.page.locator('.path svg').count() }
}

export async function log (tab, { name }) {
  await tab.go('/log')
  await tab.sees('checked in this browser')
  const said = await tab.text() // before it looks again
  await tab.inspect(name)
  return said
}

// What the browser has kept is not what it kept.
export const forge = (tab, { root }) => tab.page.evaluate(root => {
  const kept = JSON.parse(localStorage.getItem('chorus.log'))
  localStorage.setItem('chorus.log', JSON.stringify({ ...kept, root }))
}, root)

// ---- people ----

export async function leaderboard (tab, { query = '', name }) {
  await tab.go(`/leaderboard${query}`)
  await tab.page.locator('tbody tr').first().waitFor()
  if (name) await tab.inspect(name)
  const [download] = await Promise.all([tab.page.waitForEvent('download'), tab.page.getByRole('link', { name: 'Save as CSV' }).click()])
  const path = await download.path()
  const { readFile } = await import('node:fs/promises')
  return { text: await tab.text(), csv: await readFile(path, 'utf8') }
}

// Signs in with the injected wallet.
export async function signIn (tab, { rpc, account }) {
  await tab.wallet({ rpc, account })
  await tab.go('/me')
  await tab.page.getByRole('button', { name: 'Sign in with my wallet' }).click()
  await tab.page.getByRole('button', { name: 'Log out', exact: true }).waitFor()
  await tab.ready()
  return tab.text()
}

export async function me (tab, { link, name }) {
  if (link) {
    await tab.page.goto(link)
    await tab.page.getByRole('button', { name: 'Log in as this member' }).click()
    await tab.page.getByRole('button', { name: 'Log out', exact: true }).waitFor()
  }
  await tab.go('/me')
  if (name) await tab.inspect(name)
  return tab.text()
}

export async function hideName (tab) {
  await tab.go('/me')
  await Promise.all([tab.page.waitForResponse(r => r.url().endsWith('/me') && r.request().method() === 'PUT' && r.ok()), tab.page.getByRole('checkbox').uncheck()])
}

export async function proveMine (tab) {
  await tab.go('/me')
  await tab.page.getByRole('button', { name: 'Check all in my browser' }).click()
  await tab.page.getByText(/stand in the log as you signed|is not in the log|are not in the log/).waitFor()
  return tab.text()
}

export async function receipts (tab, { files }) {
  await tab.go('/me')
  await tab.page.getByLabel('Receipts', { exact: true }).setInputFiles(files)
  await tab.page.locator('.card', { hasText: 'Check receipts' }).locator('.plain li').first().waitFor()
  return tab.page.locator('.card', { hasText: 'Check receipts' }).locator('.plain li').allInnerTexts()
}

// ---- money ----

export async function claim (tab, { words }) {
  await tab.go('/me')
  await tab.page.getByRole('button', { name: /^Fetch/ }).click()
  await tab.page.getByText(words).waitFor({ timeout: 30000 })
  return { text: await tab.text(), signed: tab.signed }
}

export async function withdraw (tab, { words }) {
  await tab.go('/me')
  await tab.page.getByText('Was a payment refused by your address?').click()
  await tab.page.getByRole('button', { name: 'Look, and withdraw' }).click()
  await tab.page.getByText(words).waitFor({ timeout: 30000 })
  return { text: await tab.text(), signed: tab.signed }
}

export async function deposit (tab, { amount, words }) {
  await tab.go('/money')
  await tab.page.getByText('Pay in', { exact: true }).click()
  await tab.page.getByLabel('Amount', { exact: true }).fill(amount)
  await tab.page.getByRole('button', { name: 'Pay in with my wallet' }).click()
  await tab.page.getByText(words).first().waitFor({ timeout: 30000 })
  return { text: await tab.text(), signed: tab.signed }
}

export const wallet = (tab, options) => tab.wallet(options)

export async function vote (tab, { words }) {
  await tab.go('/governance')
  await tab.page.getByRole('button', { name: 'Vote for it' }).click()
  await tab.page.getByText(words).waitFor({ timeout: 30000 })
  return tab.text()
}

export async function see (tab, { path, words, within = 20000 }) {
  await tab.go(path)
  await tab.page.getByText(words).first().waitFor({ timeout: within })
  return tab.text()
}

// ---- by keyboard ----

// Every stop of the tab key in the page is seen; gives what was reached.
export async function reach (tab, { path }) {
  await tab.go(path)
  const seen = []
  await tab.page.locator('main h1').focus()
  for (let i = 0; i < 200; i++) {
    await tab.page.keyboard.press('Tab')
    const stop = await tab.page.evaluate(() => {
      const e = document.activeElement
      if (!e || !document.querySelector('main').contains(e)) return null
      const { outlineStyle, outlineWidth } = getComputedStyle(e)
      const box = e.getBoundingClientRect()
      return { what: `${e.tagName} ${(e.innerText || e.getAttribute('aria-label') || e.name || '').trim().slice(0, 40)}`, ring: outlineStyle !== 'none' && outlineWidth !== '0px', there: box.width > 0 && box.height > 0 }
    })
    if (!stop) break
    assert.ok(stop.ring && stop.there, `the focus on ${stop.what} cannot be seen`)
    seen.push(stop.what)
  }
  return seen
}

// No page shows the key of a word instead of the word.
export async function words (tab, { paths, language }) {
  const found = []
  for (const path of paths) {
    await tab.go(path)
    if (language) {
      await tab.page.evaluate(l => localStorage.setItem('language', l), language)
      await tab.go(path)
    }
    const text = await tab.text()
    found.push(...(text.match(/\b[a-z]+(\.[a-z-]+)+\b(?!\/)/g) ?? []).filter(w => /^(await|balance|anchor|check|claim|col|curve|down|entry|event|failure|fair|gov|head|home|join|leader|lead|log|manage|me|member|membership|model|named|outcome|path|person|phase|policy|proof|receipt|result|ring|round|rounds|spec|standing|statement|step|then|tx|unit|verdict|wallet|witness)\./.test(w)).map(w => `${path}: ${w}`))
  }
  return found
}
