// SPDX-License-Identifier: Apache-2.0
// Fetching from the vault what was earned, with an injected wallet: the claim is proven here against the
// root that stands on the chain before anything is signed.
import { get } from '../core/api.js'
import { t } from '../core/i18n.js'
import { html } from '../core/view.js'
import { Command } from './basic.js'
import { currencyOf, Money } from './public.js'
import { connectToChain, useWalletAct, WalletState } from './wallet.js'

async function claim (tell, model, payout) {
  const { wallet, provider, account, registry } = await connectToChain(tell)
  tell('proof')
  const due = await get(`/models/${model.model}/claims/${payout}`)
  const root = await wallet.claimsRoot(provider, registry, model.model, due.round)
  if (!wallet.claimProven(due, root)) throw new wallet.WalletTrouble('proof')
  const vault = await wallet.contractOf(provider, registry, 'vault')
  const fetched = await wallet.claimedOf(provider, vault, model.model, due.account)
  if (fetched >= BigInt(due.cumulative)) throw new wallet.WalletTrouble('nothing')
  tell('confirm')
  const receipt = await wallet.sendCall(provider, { from: account, to: vault, data: wallet.encodeClaim(due) }, hash => tell('mining', hash))
  return { ...receipt, amount: String(BigInt(due.cumulative) - fetched) }
}

async function withdraw (tell, model, own) {
  const { wallet, provider, account, registry } = await connectToChain(tell)
  const vault = await wallet.contractOf(provider, registry, 'vault')
  const { currency } = model.policy
  if (!own.includes(account.toLowerCase())) throw new wallet.WalletTrouble('account')
  const owed = await wallet.owedOf(provider, vault, currency, account)
  if (owed === 0n) throw new wallet.WalletTrouble('nothing')
  tell('confirm')
  return { ...await wallet.sendCall(provider, { from: account, to: vault, data: wallet.encodeWithdraw(currency) }, hash => tell('mining', hash)), amount: String(owed) }
}

const doneWords = (act, model) => act.done && t('claim.done', { block: act.done.block })

// former: addresses where the member was paid before.
export function Claim ({ model, standing, former, onDone }) {
  const act = useWalletAct(claim)
  const back = useWalletAct(withdraw)
  const currency = currencyOf(model)
  const run = async (what, where) => { if (await what.run(model, where)) onDone() }
  if (!standing.payout && !former.length) return null
  const due = standing.claimable !== '0'
  return html`<div class="stack">
    ${due && standing.payout && !act.done && html`<div class="row"><button type="button" class="main" disabled=${act.busy} onClick=${() => run(act, standing.payout)}>${act.busy ? t('working') : html`${t('claim.do')} <${Money} text=${standing.claimable} currency=${currency} />`}</button>
      <span class="quiet">${t('claim.gas')}</span></div>`}
    <${WalletState} act=${act} done=${doneWords(act, model)} />
    ${due && standing.payout && !act.done && html`<details><summary>${t('claim.command')}</summary><${Command}>${`chorus claim ${model.model} --key YOUR-KEYSTORE.json`}</${Command}></details>`}
    ${due && former.length > 0 && html`<details><summary>${t('claim.former')}</summary><p>${t('claim.former.what')}</p>
      ${former.map(a => html`<${Command} key=${a}>${`chorus claim ${model.model} --payout ${a} --key YOUR-KEYSTORE.json`}</${Command}>`)}</details>`}
    ${standing.paid !== '0' && html`<details><summary>${t('claim.owed')}</summary><p>${t('claim.owed.what')}</p>
      <div class="actions"><button type="button" disabled=${back.busy} onClick=${() => run(back, [...former, standing.payout?.toLowerCase()])}>${back.busy ? t('working') : t('claim.owed.do')}</button></div>
      <${WalletState} act=${back} done=${doneWords(back, model)} /></details>`}
  </div>`
}
