import { placeOf } from '../place.ts'
import type { Code, Found } from '../read-code.ts'
import { isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

/** Clocks, timers and random sources that are forbidden by their names. */
const clockNames = [
  'Date.now',
  'Math.random',
  'crypto.randomUUID',
  'performance.now',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]

/** Waiting, clocks and random sources where the answer must depend on the arguments alone. */
export function waitingViolations(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => path.startsWith('services/') && !isTest(path))
    .flatMap(file => {
      const { inside } = placeOf(file.path)
      const violation = (rule: string, { text, line }: Found, why: string): Violation => {
        return { rule, file: file.path, line, message: `${text}: ${why}` }
      }
      if (inside.startsWith('src/domain/')) {
        const why = 'domain is pure: the same arguments give the same decision, at once'
        const found = [...clocksIn(file.code), ...waitsIn(file.code)]
        return found.map(each => violation('domain-waits', each, why))
      }
      if (inside.startsWith('src/flows/')) {
        const why = 'a flow is handed its time and its ids, so that a test can choose them'
        return clocksIn(file.code).map(each => violation('flow-clock', each, why))
      }
      return []
    })
}

/** `new Date(given)` reads no clock. */
function clocksIn({ names, calls }: Code): Found[] {
  const readingCalls = calls.filter(
    ({ name, argumentCount }) =>
      name === 'randomUUID' || (name === 'new Date' && argumentCount === 0),
  )
  return [
    ...names.filter(({ text }) => clockNames.includes(text)),
    ...readingCalls.map(({ name, line }) => ({ text: `${name}()`, line })),
  ]
}

function waitsIn({ waits, names, calls }: Code): Found[] {
  return [
    ...waits,
    ...names.filter(({ text }) => text === 'Promise'),
    ...calls.filter(({ name }) => name === 'fetch').map(({ line }) => ({ text: 'fetch()', line })),
  ]
}
