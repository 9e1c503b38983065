import { expect, test } from 'vitest'
import { crashPointsPage, findCrashPoints } from './crash-points.ts'

const both = { 'one.done': 'One is committed.', 'two.done': 'Two is committed.' }
const one = { path: 'services/a/src/one.ts', text: "await crashpoint('one.done')" }
const two = { path: 'packages/p/src/two.ts', text: "await crashpoint('two.done')" }
const naive = { path: 'packages/p/src/naive.ts', text: "await crashpoint('two.done')" }
const servicesOf = (path: string) => (path.startsWith('services') ? ['a'] : ['b', 'a'])

test('a label is shown with its sentence, where it stands, and who can die there', () => {
  const points = findCrashPoints(both, [one, two, naive], servicesOf)
  expect(points).toEqual([
    { label: 'one.done', moment: 'One is committed.', files: [one.path], services: ['a'] },
    {
      label: 'two.done',
      moment: 'Two is committed.',
      files: [naive.path, two.path],
      services: ['a', 'b'],
    },
  ])
  expect(crashPointsPage(points)).toContain(
    `| \`one.done\` | a | [one.ts](../../${one.path}) | One is committed. |`,
  )
})

test.each([
  ['stands nowhere', both, [one], 'two.done stands nowhere in the code'],
  ['is not listed', { 'one.done': '' }, [one, two], `two.done stands in ${two.path}`],
])('a label that %s is an error', (_, moments, files, message) => {
  expect(() => findCrashPoints(moments, files, servicesOf)).toThrow(message)
})
