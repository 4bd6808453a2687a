// SPDX-License-Identifier: Apache-2.0
// Logging in: people who run the instance by name and password, members by their link or wallet.
import { send, session, setSession, useAct, useSession } from '../core/api.js'
import { t } from '../core/i18n.js'
import { navigate, place } from '../core/router.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Card, Command, Notice, Page, Trouble } from '../parts/basic.js'
import { Field, Form } from '../parts/form.js'
import { takeCode } from '../parts/account.js'

// Only a path of these pages: a link must not lead elsewhere after a login.
const safe = to => to && /^\/(?![/\\])/.test(to) ? to : null

function arrive (given, to) {
  setSession(given)
  navigate(safe(to) ?? (given.role === 'participant' ? '/me' : '/'), { replace: true })
}

// After too many failures: when the next try is possible.
function Wait ({ problem, onOver }) {
  const [left, setLeft] = useState(problem.retryAfter)
  useEffect(() => {
    const timer = setInterval(() => setLeft(n => n - 1), 1000)
    return () => clearInterval(timer)
  }, [])
  useEffect(() => { if (left <= 0) onOver() }, [left])
  return html`<${Notice} kind="wait" title=${t('login.wait.title')}>${t('login.wait', { n: left })}</${Notice}>`
}

function SecondFactor ({ kind, setKind, code, setCode, problem }) {
  const totp = kind === 'totp'
  const box = useRef()
  useEffect(() => { box.current?.querySelector('input')?.focus() }, [kind])
  return html`<div class="stack" ref=${box}>
    <${Field} key=${kind} name=${kind} label=${t(`login.${kind}`)} hint=${t(`login.${kind}.hint`)} value=${code} onValue=${setCode} problem=${problem}
      inputmode=${totp ? 'numeric' : 'text'} autocomplete=${totp ? 'one-time-code' : 'off'} maxlength=${totp ? 16 : 64} required spellcheck="false" />
    <div><button type="button" onClick=${() => { setCode(''); setKind(totp ? 'recovery' : 'totp') }}>${t(totp ? 'login.use.recovery' : 'login.use.totp')}</button></div>
  </div>`
}

function ByPassword ({ query }) {
  const [name, setName] = useState(query.get('name') ?? '')
  const [password, setPassword] = useState('')
  const [factor, setFactor] = useState(null) // 'totp' or 'recovery', once it is asked for
  const [code, setCode] = useState('')
  const act = useAct(async () => {
    const body = { name: name.trim(), password }
    if (factor && code) body[factor] = code.trim()
    try {
      arrive(await send('POST', '/session', body), query.get('to'))
    } catch (problem) {
      if (problem.slug === 'code-needed' && !factor) { setFactor('totp'); return }
      throw problem
    }
  })
  const wait = act.problem?.slug === 'too-many-requests' && act.problem.retryAfter > 0
  const shown = wait ? { ...act, problem: null, busy: false } : act
  const wrong = act.problem?.slug === 'wrong-login' ? { ...act.problem, field: factor ?? 'password' } : act.problem
  return html`<${Card} title=${t('login.password.title')}>
    <${Form} act=${shown} onSubmit=${() => act.run()} submit=${t('login')}>
      <${Field} name="name" label=${t('login.name')} value=${name} onValue=${setName} problem=${wrong} required autocomplete="username" maxlength="64" />
      <${Field} name="password" kind="password" label=${t('login.password')} value=${password} onValue=${setPassword} problem=${wrong} required autocomplete="current-password" />
      ${factor && html`<${SecondFactor} kind=${factor} setKind=${setFactor} code=${code} setCode=${setCode} problem=${wrong} />`}
      ${wait && html`<${Wait} key=${act.problem.retryAfter} problem=${act.problem} onOver=${act.clear} />`}
    </${Form}>
    <p class="hint">${t('login.forgotten')}</p>
  </${Card}>`
}

function ByLink ({ code, to }) {
  const act = useAct(async () => arrive(await send('POST', '/session', { link: code }), to))
  return html`<${Card} title=${t('login.link.title')}>
    <p>${t('login.link.lead')}</p>
    <${Trouble} problem=${act.problem} />
    <div class="actions"><button type="button" class="main" disabled=${act.busy} onClick=${() => act.run()}>${t('login.link.submit')}</button></div>
  </${Card}>`
}

const hexOf = text => '0x' + Array.from(new TextEncoder().encode(text), b => b.toString(16).padStart(2, '0')).join('')

// What a wallet that is away or says no means, as a problem to show.
function walletProblem (e) {
  if (!('said' in e)) return e
  const slug = e.slug === 'refused' ? 'refused' : 'failed'
  return Object.assign(e, { title: t(`login.wallet.${slug}`), detail: e.said, help: t(`login.wallet.${slug}.help`) })
}

async function byWallet () {
  const wallet = await import('../core/wallet.js')
  const [found] = await wallet.findWallets()
  if (!found) throw Object.assign(new Error(), { title: t('login.wallet.none'), help: t('login.wallet.none.help') })
  try {
    const address = await wallet.account(found.provider)
    const { message } = await send('POST', '/session/challenge', { address })
    const signature = await wallet.ask(found.provider, 'personal_sign', [hexOf(message), address])
    return await send('POST', '/session', { message, signature })
  } catch (e) {
    throw walletProblem(e)
  }
}

function AsMember ({ to }) {
  const act = useAct(async () => arrive(await byWallet(), to))
  return html`<${Card} title=${t('login.member.title')}>
    <p>${t('login.member.lead')}</p>
    <${Command}>chorus login</${Command}>
    <p>${t('login.wallet.lead')}</p>
    <${Trouble} problem=${act.problem} />
    <div class="actions"><button type="button" disabled=${act.busy} aria-busy=${act.busy} onClick=${() => act.run()}>${act.busy ? t('login.wallet.busy') : t('login.wallet')}</button></div>
  </${Card}>`
}

export default function Login ({ query }) {
  const who = useSession()
  const [link] = useState(() => takeCode('login'))
  useEffect(() => { if (place.hash) navigate(place.path + (place.query.size ? `?${place.query}` : ''), { replace: true }) }, [])
  const to = query.get('to')
  if (who.role && !link) {
    return html`<${Page} title=${t('login.title')} lead=${t('login.already', { name: session.name ?? '', role: t(`role.${session.role}`) })}>
      <p><a class="button main" href=${safe(to) ?? '/'}>${t('login.on')}</a></p></${Page}>`
  }
  return html`<${Page} title=${t('login.title')} lead=${link ? t('login.lead.link') : to ? t('login.lead.to') : t('login.lead')}>
    <div class="columns">
      ${link ? html`<${ByLink} code=${link} to=${to} />` : html`<${ByPassword} query=${query} />`}
      ${!link && html`<${AsMember} to=${to} />`}
    </div></${Page}>`
}
