import { outboxCrashPoints } from '@nightshift/patterns/outbox/crash-points'
import { paymentsCrashPoints } from '@nightshift/payments/crash-points'
import { transitions } from '@nightshift/payments/domain/payment'
import { expect, test } from 'vitest'
import { readText } from './read-pages.ts'

const page = readText('docs/architecture.md') ?? ''

/** The lines of the Mermaid diagram of a kind. */
function diagram(kind: string): string[] {
  const [, lines = ''] = new RegExp(`\`\`\`mermaid\n${kind}\n([\\s\\S]*?)\`\`\``).exec(page) ?? []
  return lines.split('\n').map(line => line.trim())
}

test('the diagram of states has the transitions of the code, and no others', () => {
  const drawn = diagram('stateDiagram-v2').filter(line => line !== '')
  const coded = Object.entries(transitions).flatMap(([from, ways]) =>
    (ways.length > 0 ? ways : ['[*]']).map(to => `${from} --> ${to}`),
  )
  expect(drawn.toSorted()).toEqual(['[*] --> pending', ...coded].toSorted())
})

test('the diagram of one payment has its crash points, in the order of the code', () => {
  const drawn = diagram('sequenceDiagram').flatMap(
    line => /^Note over \w: (.+)$/.exec(line)?.[1] ?? [],
  )
  const labels = Object.keys({ ...paymentsCrashPoints, ...outboxCrashPoints })
  expect(drawn).toEqual(labels.filter(label => !label.startsWith('refund.')))
})

test('the table of deaths names each crash point of the diagram', () => {
  const drawn = diagram('sequenceDiagram').flatMap(
    line => /^Note over \w: (.+)$/.exec(line)?.[1] ?? [],
  )
  const [, table = ''] = /\| the process dies at[^\n]*\n([\s\S]*?)\n\n/.exec(page) ?? []
  const named = [...table.matchAll(/`([a-z]+\.[a-z]+)`/g)].map(([, label]) => label)
  expect(named).toEqual(drawn)
})
