#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// A browser for the scenarios: reads commands as lines of JSON, {id, act: "FILE.NAME", who, args}, runs
// acts/FILE.mjs's NAME(tab, args), and answers {id, result} or {id, error, shot}. Each `who` is a person with a
// browser context of their own. Whatever a page must never do fails the act that it happens in: an error,
// a broken content security policy, a request to anybody else.
//   driver.mjs BASE FOLDER        the server's address; where screenshots go
import { createInterface } from 'node:readline'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { wallet } from './wallet.mjs'

const [base, folder] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
mkdirSync(folder, { recursive: true })

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage']
})

// ---- a person ----

const wide = { width: 1280, height: 900 }
const views = {
  light: { colorScheme: 'light', viewport: wide },
  dark: { colorScheme: 'dark', viewport: wide },
  phone: { colorScheme: 'light', viewport: { width: 360, height: 740 } }
}

class Tab {
  static async make (options = {}) {
    const tab = new Tab()
    tab.base = base
    tab.wrong = []
    tab.context = await browser.newContext({ baseURL: base, viewport: wide, locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', acceptDownloads: true, ...options })
    await tab.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: base })
    tab.page = await tab.context.newPage()
    tab.page.setDefaultTimeout(10000 * Number(process.env.SLOW ?? 1))
    tab.page.on('pageerror', e => tab.wrong.push(`error in the page: ${e.stack ?? e}`))
    tab.page.on('console', m => { // a 4xx is the server's right; anything else is ours
      if (m.type() === 'error' && !/Failed to load resource/.test(m.text())) tab.wrong.push(`console: ${m.text()}`)
    })
    tab.page.on('request', r => {
      const to = new URL(r.url())
      if (!['data:', 'blob:', 'about:'].includes(to.protocol) && to.origin !== base) tab.wrong.push(`request to ${to.origin}`)
    })
    tab.page.on('response', r => { if (r.status() >= 500) tab.wrong.push(`${r.status()} of ${r.url()}`) })
    return tab
  }

  // Goes there as a person does who types the address, and waits until the page stands.
  async go (path) {
    await this.page.goto(path)
    await this.ready()
  }

  async ready () {
    await this.page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('[aria-busy=true]'))
  }

  text () { return this.page.evaluate(() => document.querySelector('main').innerText) }

  sees (words, timeout) { return this.page.getByText(words).first().waitFor(timeout ? { timeout } : {}) }

  // What axe-core finds, in words; nothing is right.
  async axe (colorScheme = 'light') {
    await this.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await this.page.evaluate(`window.axe || (() => { ${axe} })(); 0`) // not by the page: its policy stands
    if (!await this.page.evaluate(() => Boolean(window.axe))) throw new Error('axe-core does not run here')
    const { violations } = await this.page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
    return violations.map(v => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => `${n.target.join(' ')} (${n.failureSummary?.split('\n')[1]?.trim()})`).join('; ')}`)
  }

  // Screenshots of the whole page in light, dark and on a phone, which must not scroll sideways.
  async shots (name) {
    for (const [view, { colorScheme, viewport }] of Object.entries(views)) {
      await this.page.setViewportSize(viewport)
      await this.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await this.page.waitForTimeout(100)
      const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      await this.page.screenshot({ path: join(folder, `${name}-${view}.png`), fullPage: true })
      if (over > 0) throw new Error(`${name} is ${over} px wider than its window of ${viewport.width} px`)
    }
    await this.page.setViewportSize(wide)
    await this.page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  }

  // What every page has to stand: axe-core finds nothing in light and dark, and it is looked at.
  async inspect (name) {
    for (const scheme of ['light', 'dark']) {
      const found = await this.axe(scheme)
      if (found.length) throw new Error(`axe-core on ${name} (${scheme}):\n${found.join('\n')}`)
    }
    await this.shots(name)
  }

  wallet (options) { return wallet(this, options) }
}

const tabs = new Map()
async function tabOf (who, options) {
  if (!tabs.has(who)) tabs.set(who, await Tab.make(options))
  return tabs.get(who)
}

// ---- commands ----

async function run ({ act, who = 'somebody', args = {}, options }) {
  const tab = await tabOf(who, options)
  const [file, name] = act.split('.')
  const acts = await import(`./acts/${file}.mjs`)
  try {
    const result = await acts[name](tab, args)
    if (tab.wrong.length) throw new Error(tab.wrong.splice(0).join('\n'))
    return { result: result ?? null }
  } catch (e) {
    const shot = join(folder, `failed-${act}.png`)
    await tab.page.screenshot({ path: shot, fullPage: true }).catch(() => {})
    const words = await tab.text().catch(() => '')
    return { error: `${e.stack ?? e}\n${tab.wrong.splice(0).join('\n')}\nat ${tab.page.url()}, where stands:\n${words.slice(0, 1500)}`, shot }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  console.log(JSON.stringify({ id: command.id, ...await run(command) }))
}
await browser.close()
