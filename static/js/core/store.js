// SPDX-License-Identifier: Apache-2.0
// State that several components look at: any object; notify(object) shows it anew.
import { useEffect, useState } from 'preact/hooks'

const watchers = new WeakMap()

export function notify (store) {
  for (const wake of watchers.get(store) ?? []) wake()
}

export function useStore (store) {
  const [, turn] = useState(0)
  useEffect(() => {
    const wake = () => turn(n => n + 1)
    if (!watchers.has(store)) watchers.set(store, new Set())
    watchers.get(store).add(wake)
    return () => watchers.get(store).delete(wake)
  }, [store])
  return store
}
