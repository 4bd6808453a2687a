// SPDX-License-Identifier: Apache-2.0
// Acts with an injected wallet: each says what it is doing, and what went wrong in words.
import { get } from '../core/api.js'
import { t } from '../core/i18n.js'
import { html, useRef, useState } from '../core/view.js'
import { Notice } from './basic.js'
import { OnChain } from './public.js'

// {run, step, hash, done, problem}: `act(tell)` does it; tell(step, hash?) says where it stands.
export function useWalletAct (act) {
  const [state, setState] = useState({})
  const running = useRef(false)
  const run = async (...args) => {
    if (running.current) return
    running.current = true
    setState({ step: 'wallet' })
    try {
      const tell = (step, hash) => setState(old => ({ ...old, step, hash: hash ?? old.hash }))
      const result = await act(tell, ...args)
      setState(old => ({ hash: old.hash, done: result ?? true }))
      return result
    } catch (problem) {
      setState(old => ({ hash: problem.hash ?? old.hash, problem }))
    } finally {
      running.current = false
    }
  }
  return { ...state, busy: Boolean(state.step), run }
}

// The modules of wallets are fetched when somebody uses one.
export const walletModule = () => import('../core/wallet.js')

export async function connect (tell) {
  const wallet = await walletModule()
  const [found] = await wallet.findWallets()
  if (!found) throw new wallet.WalletTrouble('none')
  tell('account')
  return { wallet, provider: found.provider, account: await wallet.account(found.provider) }
}

// The same, on the chain of the instance; its registry says where the other contracts are.
export async function connectToChain (tell) {
  const { instance } = await get('/instance')
  const found = await connect(tell)
  if (!instance.chain) throw new found.wallet.WalletTrouble('nochain')
  tell('chain')
  await found.wallet.onChain(found.provider, instance.chain.id)
  return { ...found, registry: instance.chain.contract }
}

const words = problem => problem.slug && problem.said !== undefined
  ? { title: t(`wallet.trouble.${problem.slug}`, { id: problem.id ?? '' }), detail: problem.said }
  : { title: problem.title ?? problem.message, detail: problem.help ?? problem.detail ?? '' }

export function WalletState ({ act, done }) {
  const trouble = act.problem && words(act.problem)
  return html`<div role="status" class="stack">
    ${act.step && html`<p>${t(`wallet.step.${act.step}`)}</p>`}
    ${act.hash && html`<p class="row"><span class="quiet">${t('wallet.hash')}</span> <${OnChain} value=${act.hash} /></p>`}
    ${trouble && html`<${Notice} kind="failed" title=${trouble.title}>${trouble.detail}</${Notice}>`}
    ${act.done && done && html`<${Notice} kind="done">${done}</${Notice}>`}</div>`
}
