// SPDX-License-Identifier: Apache-2.0
// One's own standing: what was done, what was earned and where it is, and that it stands in the log.
import { get, send, setSession, useAct, useData, useSession } from '../core/api.js'
import { checkEntry } from '../core/audit.js'
import { nameOf } from '../core/format.js'
import { t } from '../core/i18n.js'
import { recall, remember } from '../core/memory.js'
import { html, useState } from '../core/view.js'
import { Card, Command, Loaded, Notice, Page, State, Tip, Trouble } from '../parts/basic.js'
import { serverSource } from '../parts/checks.js'
import { Field } from '../parts/form.js'
import { Claim } from '../parts/claim.js'
import { Balances, formerAddresses, Line, lineOf, Membership, messages, personLead, Statement, useStandings } from '../parts/person.js'
import { Receipts } from '../parts/receipts.js'
import { Sessions, useSessions } from '../parts/sessions.js'
import { connect, useWalletAct, WalletState } from '../parts/wallet.js'

// ---- for those who are nobody yet ----

async function signIn (tell) {
  const { wallet, provider, account } = await connect(tell)
  const { message } = await send('POST', '/session/challenge', { address: account })
  tell('sign')
  const signature = await wallet.signMessage(provider, account, message)
  tell('server')
  setSession(await send('POST', '/session', { message, signature }))
}

function Stranger () {
  const act = useWalletAct(signIn)
  return html`<${Page} title=${t('me.title')} lead=${t('me.stranger')}>
    <div class="columns">
      <${Card} title=${t('me.link')}><p>${t('me.link.what')}</p><${Command}>chorus login</${Command}><p class="quiet">${t('me.link.note')}</p></${Card}>
      <${Card} title=${t('me.wallet')}><p>${t('me.wallet.what')}</p>
        <div class="actions"><button type="button" class="main" disabled=${act.busy} onClick=${act.run}>${act.busy ? t('working') : t('me.wallet.do')}</button></div>
        <${WalletState} act=${act} /></${Card}>
    </div>
    <${Card} title=${t('me.nomember')}><p>${t('me.nomember.what')}</p><p><a href="/">${t('missing.home')}</a></p></${Card}>
  </${Page}>`
}

// ---- one's own ----

const Waiting = ({ from }) => html`<${Page} title=${t('me.title')}><${Loaded} from=${from} height=${40}>${() => ''}</${Loaded}></${Page}>`

function NameShown ({ me, onChange }) {
  const act = useAct(shown => send('PUT', '/me', { name_shown: shown }))
  const [wish, setWish] = useState(null) // until the server says what is
  const turn = async shown => {
    setWish(shown)
    if (await act.run(shown)) await onChange()
    setWish(null)
  }
  return html`<div class="stack"><${Field} kind="check" name="name_shown" label=${t('me.name.shown', { name: me.name ?? '' })} hint=${t('me.name.hint')} value=${wish ?? me.name_shown} onValue=${turn} problem=${act.problem} />
    <${Trouble} problem=${act.problem} /></div>`
}

async function proveAll (rows, tell) {
  const found = {}
  for (const row of rows) {
    const { checks, keep } = await checkEntry(row.leaf, row.event, serverSource(), { kept: recall() })
    remember(keep)
    found[row.leaf] = checks.filter(c => c.outcome === 'fails')
    tell({ ...found })
  }
}

function Messages ({ id, models }) {
  const list = useData(signal => messages(id, models, signal), `messages ${id} ${models.join()}`)
  const [found, setFound] = useState({})
  const act = useAct(() => proveAll(list.data, setFound))
  const done = Object.values(found)
  const bad = done.filter(f => f.length).length
  return html`<${Card} title=${t('me.messages')} actions=${list.data?.length ? html`<button type="button" disabled=${act.busy} onClick=${act.run}>${act.busy ? t('me.messages.some', { n: done.length, all: list.data.length }) : t('me.messages.do')}</button>` : null}>
    <p>${t('me.messages.what')}</p>
    <div role="status">${!act.busy && done.length > 0 && html`<${Notice} kind=${bad ? 'failed' : 'done'}>${bad ? t('me.messages.bad', { n: bad }) : t('me.messages.good', { n: done.length })}</${Notice}>`}</div>
    <${Trouble} problem=${act.problem} />
    <${Loaded} from=${list} height=${10}>${rows => rows.length
      ? html`<ol class="entries">${rows.map(r => html`<li key=${r.leaf}><a class="numbers" href=${`/log/${r.leaf}`}>${t('entry.number', { leaf: r.leaf })}</a>
        <span class="row"><span>${t(`me.event.${r.event.type}`, { round: r.round, model: r.model })}</span>
          ${found[r.leaf] && html`<${State} kind=${found[r.leaf].length ? 'failed' : 'done'}>${t(found[r.leaf].length ? 'outcome.fails' : 'outcome.holds')}</${State}>`}</span></li>`)}</ol>`
      : html`<p class="quiet">${t('me.messages.none')}</p>`}</${Loaded}></${Card}>`
}

function Mine ({ me, reload }) {
  const ranked = useData(signal => lineOf(me.participant, signal), `line ${me.participant}`)
  const line = ranked.data
  const found = useData(`/participants/${me.participant}`)
  const sessions = useSessions()
  const standings = useStandings(me.participant, me.models)
  const former = found.data ? formerAddresses(found.data) : []
  const acts = (model, standing) => standing && model.policy && html`<${Claim} model=${model} standing=${standing} former=${former} onDone=${standings.reload} />`
  if (ranked.loading || (standings.loading && !standings.data)) return html`<${Waiting} from=${{}} />`
  return html`<${Page} title=${nameOf(me)} lead=${personLead(line, true)}>
    ${line && html`<${Line} line=${line} />`}
    <${Card} title=${html`<${Tip} word=${t('balance.title')}>${t('balance.tip')}</${Tip}>`}>
      ${me.models.length
        ? html`<${Loaded} from=${standings} height=${8}>${rows => html`<${Balances} rows=${rows} acts=${acts} />`}</${Loaded}>`
        : html`<p>${t('membership.waiting')}</p>`}
      ${!me.payout && html`<${Notice}>${t('me.nopayout')} <${Command}>chorus payout 0x…</${Command}></${Notice}>`}</${Card}>
    <${Messages} id=${me.participant} models=${me.models} />
    <${Statement} id=${me.participant} models=${standings.data} />
    <div class="columns"><${Receipts} /><div class="stack">
      <${Card} title=${t('me.name')}><${NameShown} me=${me} onChange=${reload} /><p><a href=${`/participants/${me.participant}`}>${t('me.public')}</a></p></${Card}>
      ${found.data && html`<${Membership} found=${found.data} mine />`}</div></div>
    <${Sessions} list=${sessions} />
  </${Page}>`
}

function Known () {
  const me = useData(() => get('/me'), 'me')
  if (me.data) return html`<${Mine} me=${me.data} reload=${me.reload} />`
  return html`<${Waiting} from=${me} />`
}

export default function Me () {
  const who = useSession()
  if (who.role === 'participant') return html`<${Known} key=${who.participant} />`
  if (who.role) return html`<${Page} title=${t('me.title')} lead=${t('me.staff', { role: t(`role.${who.role}`) })}><p><a href="/account">${t('me.account')}</a></p></${Page}>`
  return html`<${Stranger} />`
}
