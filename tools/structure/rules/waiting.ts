import { placeOf } from '../place.ts'
import type { Token } from '../scan.ts'
import { isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

/** Each is a sequence of tokens; `new Date ( )` leaves `new Date(given)` alone. */
const clocksAndDice = [
  'Date . now',
  'new Date ( )',
  'Math . random',
  'crypto . randomUUID',
  'randomUUID (',
  'performance . now',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]
const waits = ['async', 'await', 'Promise', 'fetch (']

const forbidden = [
  {
    rule: 'domain-waits',
    room: 'src/domain/',
    sequences: [...waits, ...clocksAndDice],
    why: 'domain is pure: the same arguments give the same decision, at once',
  },
  {
    rule: 'flow-clock',
    room: 'src/flows/',
    sequences: clocksAndDice,
    why: 'a flow is handed its time and its ids, so that a test can choose them',
  },
].map(row => ({ ...row, sequences: row.sequences.map(sequence => sequence.split(' ')) }))

/** Waiting, clocks and dice where the answer must depend on the arguments alone. */
export function waitingViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => {
    const { kind, inside } = placeOf(file.path)
    if (kind !== 'service' || isTest(file.path)) return []
    return forbidden
      .filter(({ room }) => inside.startsWith(room))
      .flatMap(({ rule, sequences, why }) =>
        findSequences(file.tokens, sequences).map(({ line, text }) => ({
          rule,
          file: file.path,
          line,
          message: `${text}: ${why}`,
        })),
      )
  })
}

function findSequences(
  tokens: readonly Token[],
  sequences: readonly (readonly string[])[],
): { line: number; text: string }[] {
  return tokens.flatMap((token, at) => {
    if (token.kind !== 'word' || isName(tokens, at)) return []
    const found = sequences.find(words => words.every((word, i) => isCode(tokens[at + i], word)))
    return found === undefined ? [] : [{ line: token.line, text: found.join('') }]
  })
}

/** `order.await` and `{ await: true }` are names, not waiting. */
function isName(tokens: readonly Token[], at: number): boolean {
  return isCode(tokens[at - 1], '.') || isCode(tokens[at + 1], ':')
}

function isCode(token: Token | undefined, text: string): boolean {
  return token?.text === text && (token.kind === 'word' || token.kind === 'punctuation')
}
