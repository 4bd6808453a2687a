// SPDX-License-Identifier: Apache-2.0
// Where the pages begin: the table of addresses, the frame around every page.
import { loadSession, may, send, setSession, useSession } from './core/api.js'
import { chooseLanguage, language, languages, startLanguage, t, useLanguage } from './core/i18n.js'
import { find, followLinks, navigate, place, usePlace } from './core/router.js'
import { html, render, useEffect, useLayoutEffect, useRef, useState } from './core/view.js'
import { Page, Trouble } from './parts/basic.js'
import { Icon } from './parts/icons.js'

// The first that fits. `least`: the role without which the page makes no sense.
const routes = [
  { pattern: '/', page: () => import('./pages/home.js') },
  { pattern: '/models/{model}', page: () => import('./pages/model.js') },
  { pattern: '/models/{model}/members', page: () => import('./pages/members.js'), least: 'viewer' },
  { pattern: '/rounds/{ctx}', page: () => import('./pages/round.js') },
  { pattern: '/new', page: () => import('./pages/new.js'), least: 'operator' },
  { pattern: '/leaderboard', page: () => import('./pages/leaderboard.js') },
  { pattern: '/me', page: () => import('./pages/me.js') },
  { pattern: '/participants/{id}', page: () => import('./pages/participant.js') },
  { pattern: '/governance', page: () => import('./pages/governance.js') },
  { pattern: '/log', page: () => import('./pages/log.js') },
  { pattern: '/log/{leaf}', page: () => import('./pages/entry.js') },
  { pattern: '/money', page: () => import('./pages/money.js'), least: 'viewer' },
  { pattern: '/system', page: () => import('./pages/system.js'), least: 'viewer' },
  { pattern: '/people', page: () => import('./pages/people.js'), least: 'viewer' },
  { pattern: '/account', page: () => import('./pages/account.js'), least: 'viewer' },
  { pattern: '/login', page: () => import('./pages/login.js') },
  { pattern: '/setup', page: () => import('./pages/setup.js') },
  { pattern: '/api', page: () => import('./pages/api.js') }
]

// In the column of navigation.
const places = () => [
  ['/', t('nav.models'), 'models'],
  ['/leaderboard', t('nav.leaderboard'), 'leaderboard'],
  ['/governance', t('nav.governance'), 'governance'],
  ['/log', t('nav.log'), 'log'],
  ['/me', t('nav.me'), 'me'],
  ...may('viewer') ? [['/money', t('nav.money'), 'money'], ['/people', t('nav.people'), 'people'], ['/system', t('nav.system'), 'system']] : []
]

const current = to => (to === '/' ? place.path === '/' || place.path.startsWith('/models') || place.path.startsWith('/rounds') || place.path === '/new' : place.path === to || place.path.startsWith(`${to}/`))

function chooseTheme (theme) {
  try { localStorage.setItem('theme', theme) } catch { /* only for this visit then */ }
  document.documentElement.dataset.theme = theme
}

function startTheme () {
  try { document.documentElement.dataset.theme = localStorage.getItem('theme') ?? 'auto' } catch { /* as the system has it */ }
}

function Preferences () {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme)
  return html`<div class="preferences">
    <label><span class="unseen">${t('language')}</span><select value=${language()} onChange=${e => chooseLanguage(e.target.value)}>
      ${Object.entries(languages).map(([code, name]) => html`<option value=${code} selected=${code === language()} lang=${code}>${name}</option>`)}</select></label>
    <label><span class="unseen">${t('theme')}</span><select value=${theme} onChange=${e => { chooseTheme(e.target.value); setTheme(e.target.value) }}>
      ${['auto', 'light', 'dark'].map(name => html`<option value=${name} selected=${name === theme}>${t(`theme.${name}`)}</option>`)}</select></label>
  </div>`
}

function Who () {
  const who = useSession()
  if (!who.known) return html`<div class="who"></div>`
  if (!who.role) return html`<div class="who"><a class="button" href="/login">${t('login')}</a></div>`
  const leave = async () => {
    await send('DELETE', '/session').catch(() => {})
    setSession(null)
    navigate('/')
  }
  return html`<div class="who"><a href=${who.role === 'participant' ? '/me' : '/account'}>${who.name}</a>
    <span class="quiet">${t(`role.${who.role}`)}</span><button type="button" onClick=${leave}>${t('logout')}</button></div>`
}

function Frame ({ children }) {
  useSession()
  return html`<a class="skip" href="#main" onClick=${e => { e.preventDefault(); document.querySelector('main h1')?.focus() }}>${t('skip')}</a>
    <header class="top"><a class="brand" href="/"><span aria-hidden="true" class="brand-sign">‖</span>Chorus</a><${Who} /></header>
    <nav class="places" aria-label=${t('nav')}>${places().map(([to, words, icon]) => html`<a href=${to} aria-current=${current(to) ? 'page' : null}><${Icon} name=${icon} /><span>${words}</span></a>`)}</nav>
    <main id="main">${children}</main>
    <footer class="foot"><${Preferences} /><nav aria-label=${t('foot')}><a href="/api">${t('nav.api')}</a> <a href=${document.querySelector('link[rel=license]').href}>${t('licences')}</a></nav></footer>`
}

const NotHere = () => html`<${Page} title=${t('missing.title')} lead=${t('missing.lead')}><p><a href="/">${t('missing.home')}</a></p></${Page}>`

// Links of older days and of the command line: /#setup=CODE, /#login=CODE, /#invite=…
function hashPlace () {
  const [name] = place.hash.slice(1).split('=')
  if (place.path === '/' && name === 'setup') navigate('/setup' + place.hash, { replace: true })
  if (place.path === '/' && name === 'login') navigate('/login' + place.hash, { replace: true })
}

function App () {
  useLanguage()
  usePlace()
  const who = useSession()
  const [shown, setShown] = useState({})
  const first = useRef(true)
  const found = find(routes, place.path)
  useEffect(hashPlace, [place.hash])
  useEffect(() => {
    let stale = false
    if (!found) setShown({ path: place.path, Component: NotHere })
    else {
      found.route.page().then(module => !stale && setShown({ path: place.path, Component: module.default }),
        () => !stale && setShown({ path: place.path, Component: () => html`<${Page} title=${t('page.away')}><${Trouble} problem=${{ title: t('problem.away'), help: t('problem.away.help') }} retry=${() => location.reload()} /></${Page}>` }))
    }
    return () => { stale = true }
  }, [place.path])
  useLayoutEffect(() => { // whoever reads by ear or keyboard begins at the page's title
    if (shown.path === undefined) return
    if (!first.current) document.querySelector('main h1')?.focus({ preventScroll: true })
    first.current = false
  }, [shown.path])
  const least = found?.route.least
  const needsLogin = least && who.known && !may(least)
  useEffect(() => { if (needsLogin && !who.role) navigate(`/login?to=${encodeURIComponent(place.path + place.query)}`, { replace: true }) }, [needsLogin, place.path])
  const Shown = shown.path === place.path ? shown.Component : null
  return html`<${Frame}>${needsLogin && who.role
    ? html`<${Page} title=${t('forbidden.title')} lead=${t('forbidden.lead', { role: t(`role.${least}`) })} />`
    : Shown && who.known && !needsLogin
      ? html`<${Shown} key=${place.path} ...${found?.parts ?? {}} query=${place.query} />`
      : html`<div class="page loading" aria-busy="true"></div>`}</${Frame}>`
}

startTheme()
followLinks()
await startLanguage()
render(html`<${App} />`, document.getElementById('app'))
loadSession()
