// SPDX-License-Identifier: Apache-2.0
// What pages are written with: components as functions, markup as html`…`, no step between
// source and browser that would be needed to understand them.
import { h } from 'preact'
import htm from 'htm'

export const html = htm.bind(h)
export { render, createContext, Fragment } from 'preact'
export { useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
