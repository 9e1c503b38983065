import { sourceFile } from '@nightshift/structure/source-tree'
import { expect, test } from 'vitest'
import { crashPointsPage, findCrashPoints, servicesLoading } from './crash-points.ts'

const both = { 'one.done': 'One is committed.', 'two.done': 'Two is committed.' }
const one = sourceFile('services/a/src/one.ts', "await crashpoint('one.done')")
const two = sourceFile('packages/p/src/two.ts', "await crashpoint('two.done')")
const naive = sourceFile('packages/p/src/naive.ts', "await crashpoint('two.done')")
const servicesOf = (path: string) => (path.startsWith('services') ? ['a'] : ['b', 'a'])

test('a label is shown with its sentence, its callers, and the services that can die', () => {
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
  ['is called nowhere', both, [one], 'two.done is nowhere in the code'],
  ['is not listed', { 'one.done': '' }, [one, two], `two.done is in ${two.path}`],
])('a label that %s is an error', (_, moments, files, message) => {
  expect(() => findCrashPoints(moments, files, servicesOf)).toThrow(message)
})

test('a service loads what it imports as a value, at any distance', () => {
  const services = servicesLoading([
    sourceFile(
      'services/payments/src/main.ts',
      "import { a } from './a.ts'\nimport type { C } from './c.ts'",
    ),
    sourceFile('services/payments/src/a.ts', "import { b } from '@nightshift/runtime/http/b'"),
    sourceFile('packages/runtime/src/http/b.ts', "export { main } from './main.ts'"),
  ])
  expect(services('packages/runtime/src/http/main.ts')).toEqual(['payments'])
  expect(services('services/payments/src/c.ts')).toEqual([])
})
