import { styleText } from 'node:util'
import {
  type CheckedRelation,
  inequalityOf,
  limitAt,
  smallerSideOf,
} from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import type { RelationGroup } from '../../docs/system-limits.ts'
import { type Wait, waitPaths } from '../../docs/timeouts.ts'
import { showerOf, timeOf } from '../../docs/timeouts-page.ts'

/** A limit with another value than the one in its file. */
export type LimitChange = Readonly<{ limit: string; from: number; to: number }>

export type LimitsToDraw = Readonly<{
  limits: object
  groups: readonly RelationGroup[]
  changes: readonly LimitChange[]
}>

const timeWidth = 8

/** The waits as trees with the relations of each, then all other relations, then what is broken. */
export function drawLimits(drawn: LimitsToDraw): string {
  const all = drawn.groups.flatMap(({ relations }) => relations)
  const shown = new Set<CheckedRelation>()
  const trees = waitPaths.map(({ title, waits }) => {
    const lines = waits.flatMap(wait => drawWait(wait, drawn, all, shown, '  '))
    return [styleText('bold', title), ...lines].join('\n')
  })
  const others = drawn.groups.flatMap(({ title, relations }) => {
    const left = relations.filter(relation => !shown.has(relation))
    if (left.length === 0) return []
    const lines = left.map(relation => `  ${markOf(relation)} ${inWords(relation)}`)
    return [[styleText('bold', `Other relations ${title}`), ...lines].join('\n')]
  })
  return [...trees, ...others, verdictOf(drawn)].join('\n\n')
}

function drawWait(
  wait: Wait,
  drawn: LimitsToDraw,
  all: readonly CheckedRelation[],
  shown: Set<CheckedRelation>,
  indent: string,
): string[] {
  const { limit, what, inside = [] } = wait
  const own = all.filter(relation => relation.larger.term === limit && !shown.has(relation))
  for (const relation of own) shown.add(relation)
  const change = drawn.changes.find(each => each.limit === limit)
  const was = change ? styleText('yellow', ` (written: ${timeOf(change.from)})`) : ''
  const time = timeOf(limitAt(drawn.limits, limit)).padEnd(timeWidth)
  const margin = indent + ' '.repeat(timeWidth)
  return [
    `${indent}${time}${limit}${was}  ${styleText('dim', what)}`,
    ...own.map(relation => {
      const sign = relation.orEqual ? '>=' : '>'
      return `${margin}${markOf(relation)} ${sign} ${smallerSideOf(relation, showerOf(relation))}`
    }),
    ...inside.flatMap(each => drawWait(each, drawn, all, shown, `${indent}  `)),
  ]
}

function markOf({ holds }: CheckedRelation): string {
  return styleText(holds ? 'green' : 'red', holds ? '✓' : '✗')
}

function inWords(relation: CheckedRelation): string {
  return inequalityOf(relation, showerOf(relation))
}

/** Says what was checked, and for each broken relation the sentence that says why it must hold. */
function verdictOf({ groups, changes }: LimitsToDraw): string {
  const all = groups.flatMap(({ relations }) => relations)
  const broken = all.filter(({ holds }) => !holds)
  const sentences = broken.map(relation =>
    [
      `${markOf(relation)} ${inWords(relation)}`,
      `  does not hold. Why it must: ${relation.because}`,
    ].join('\n'),
  )
  const count =
    broken.length === 0
      ? 'All relations hold.'
      : `${broken.length} ${broken.length === 1 ? 'relation is' : 'relations are'} broken:`
  return [...changes.map(change => describeChange(change, all)), count, ...sentences].join('\n')
}

function describeChange({ limit, from, to }: LimitChange, all: readonly CheckedRelation[]): string {
  const show = limit.endsWith('Ms') ? timeOf : String
  const isNamed = all.some(({ larger, smaller }) =>
    [larger, ...smaller].some(({ limits }) => limits.includes(limit)),
  )
  const unnamed = isNamed ? '' : ' No relation names it.'
  return `Checked with ${limit} ${show(to)} instead of ${show(from)}; no file was changed.${unnamed}`
}
