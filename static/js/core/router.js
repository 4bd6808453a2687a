// SPDX-License-Identifier: Apache-2.0
// Addresses and pages. A page is pages/NAME.js with a default export: a component that is given
// the address's parts and its query; it is loaded when it is first looked at.
import { notify, useStore } from './store.js'

export const place = { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash }

function arrive () {
  Object.assign(place, { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash })
  notify(place)
}

export function navigate (to, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', to)
  arrive()
  if (!replace) scrollTo(0, 0)
}

export const usePlace = () => useStore(place)

// '/models/{model}/members' against a path: {model} or null.
function match (pattern, path) {
  const wanted = pattern.split('/')
  const given = path.replace(/(.)\/+$/, '$1').split('/')
  if (wanted.length !== given.length) return null
  const parts = {}
  for (const [i, word] of wanted.entries()) {
    if (word.startsWith('{')) {
      try { parts[word.slice(1, -1)] = decodeURIComponent(given[i]) } catch { return null }
    } else if (word !== given[i]) return null
  }
  return parts
}

export function find (routes, path) {
  for (const route of routes) {
    const parts = match(route.pattern, path)
    if (parts) return { route, parts }
  }
  return null
}

// Links are plain <a href>: this takes over those that stay here.
export function followLinks () {
  addEventListener('popstate', arrive)
  document.addEventListener('click', event => {
    const link = event.target.closest?.('a[href]')
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const to = new URL(link.href)
    if (link.target || link.hasAttribute('download') || to.origin !== location.origin) return
    if (to.pathname.startsWith('/api/') || to.pathname.startsWith('/assets/')) return
    if (to.pathname === location.pathname && to.search === location.search && to.hash) return
    event.preventDefault()
    navigate(to.pathname + to.search + to.hash)
  })
}
