import { expect, test } from 'vitest'
import { crashPointsPage, findCrashPoints } from './crash-points.ts'

const list = (body: string) => `export const crashLabels = [\n${body}\n] as const\n`
const both = list(`  // One is\n  // committed.\n  'one.done',\n  'two.done',`)
const one = { path: 'services/a/src/one.ts', text: "await crashpoint('one.done')" }
const two = { path: 'packages/p/src/two.ts', text: "await crashpoint('two.done')" }
const twin = { path: 'packages/p/src/naive.ts', text: "await crashpoint('two.done')" }
const servicesOf = (path: string) => (path.startsWith('services') ? ['a'] : ['b', 'a'])

test('a label is shown with the comment above it, where it stands, and who can die there', () => {
  const points = findCrashPoints(both, [one, two, twin], servicesOf)
  expect(points).toEqual([
    { label: 'one.done', moment: 'One is committed.', files: [one.path], services: ['a'] },
    { label: 'two.done', moment: '', files: [twin.path, two.path], services: ['a', 'b'] },
  ])
  expect(crashPointsPage(points)).toContain(
    `| \`one.done\` | a | [one.ts](../../${one.path}) | One is committed. |`,
  )
})

test.each([
  ['stands nowhere', both, [one], 'two.done stands nowhere in the code'],
  ['is listed twice', list(`  'one.done',\n  'one.done',`), [one], 'one.done is listed twice'],
  ['is not listed', list(`  'one.done',`), [one, two], `two.done stands in ${two.path}`],
])('a label that %s is an error', (_, text, files, message) => {
  expect(() => findCrashPoints(text, files, servicesOf)).toThrow(message)
})
