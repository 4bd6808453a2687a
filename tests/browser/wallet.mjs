// SPDX-License-Identifier: Apache-2.0
// An injected wallet (EIP-1193) as a browser extension gives one, of an account that an Anvil node holds:
// what a page asks is handed to the node by the test, so that the page itself talks to its own server only.
const asked = new Set(['eth_requestAccounts', 'personal_sign', 'eth_sendTransaction'])

// options: {rpc, account, chainId?: another than the node's, refuse?: [methods that the person declines]}
export async function wallet (tab, { rpc, account, chainId, refuse = [] }) {
  tab.signed = []
  const node = async (method, params) => {
    const reply = await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) })
    return reply.json()
  }
  await tab.context.exposeFunction('walletAsks', async (method, params) => {
    if (asked.has(method)) tab.signed.push(method)
    if (refuse.includes(method)) return { error: { code: 4001, message: 'User rejected the request.' } }
    if (method === 'eth_requestAccounts' || method === 'eth_accounts') return { result: [account] }
    if (method === 'eth_chainId' && chainId) return { result: chainId }
    if (method === 'wallet_switchEthereumChain') return { error: { code: 4902, message: 'Unrecognized chain ID.' } }
    return node(method, params)
  })
  const inject = () => {
    window.ethereum = {
      isTest: true,
      on () {},
      removeListener () {},
      async request ({ method, params = [] }) {
        const reply = await window.walletAsks(method, params)
        if (reply.error) throw Object.assign(new Error(reply.error.message), reply.error)
        return reply.result
      }
    }
  }
  await tab.context.addInitScript(inject)
  await tab.page.evaluate(inject).catch(() => {})
}
