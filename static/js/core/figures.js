// SPDX-License-Identifier: Apache-2.0
// What results say: the learning curve, and how groups fare.

// Rows {after, own, holdout} for `measure` ('accuracy' or 'loss'). What a round says of the participants'
// rows is of the model it began with, its hold-out of the one it made.
export function curveRows (results, measure) {
  const rows = new Map()
  const at = after => rows.get(after) ?? rows.set(after, { after, own: null, holdout: null }).get(after)
  for (const r of results) {
    if (Number.isFinite(r[measure])) at(r.round - 1).own = r[measure]
    if (Number.isFinite(r.holdout?.[measure])) at(r.round).holdout = r.holdout[measure]
  }
  return [...rows.values()].sort((a, b) => a.after - b.after)
}

const ratio = (part, whole) => whole > 0 ? part / whole : null
const measures = {
  positive: g => ratio(g.true_positive + g.false_positive, g.evaluated),
  deserved: g => ratio(g.true_positive, g.true_positive + g.false_negative),
  wrongly: g => ratio(g.false_positive, g.false_positive + g.true_negative),
  right: g => ratio(g.true_positive + g.true_negative, g.evaluated)
}
export const fairMeasures = Object.keys(measures)

// {measure, rows: [{name, share}], least, most, gap}: groups without a figure are left out.
export function compare (groups, measure) {
  const rows = Object.entries(groups).map(([name, g]) => ({ name, share: measures[measure](g) })).filter(r => r.share !== null)
  const shares = rows.map(r => r.share)
  const [least, most] = [Math.min(...shares), Math.max(...shares)]
  return { measure, rows, least, most, gap: most - least }
}
