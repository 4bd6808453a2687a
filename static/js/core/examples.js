// SPDX-License-Identifier: Apache-2.0
// Descriptions that work, to begin with: those of tests/data.
import german from '../../../tests/data/german_credit.spec.json'
import iris from '../../../tests/data/iris.spec.json'

export const examples = { german, iris }
