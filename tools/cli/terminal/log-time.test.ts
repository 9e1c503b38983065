import { expect, test } from 'vitest'
import { interleave, timeOfLogLine } from './log-time.ts'

const expected = Date.parse('2026-11-21T14:31:11.299Z')

test.each([
  '{"level":"info","time":"2026-11-21T14:31:11.299Z","service":"payments"}',
  `{"level":30,"time":${expected},"event":"mail.accepted"}`,
  '{"at":"2026-11-21T14:31:11.299Z","event":"process.ready"}',
  '2026-11-21 14:31:11.299 UTC [6509] LOG:  database system is ready',
  '[2026-11-21 14:31:11,299] INFO Kafka Server started',
])('the time of %s is read', line => {
  expect(timeOfLogLine(line)).toBe(expected)
})

test.each(['    at run (file.ts:1:1)', '', 'ready', '{"time":"soon"}'])(
  'the line %j has no time',
  line => {
    expect(timeOfLogLine(line)).toBeUndefined()
  },
)

test('a stack trace stays with its own line when logs are merged', () => {
  const at = (second: number) => `2026-11-21 14:31:0${second}.000 UTC x`
  const merged = interleave(
    new Map([
      ['a', [at(1), '  at run', at(5)]],
      ['b', [at(3)]],
    ]),
  )
  expect(merged.map(({ name, text }) => `${name} ${text}`)).toEqual([
    `a ${at(1)}`,
    'a   at run',
    `b ${at(3)}`,
    `a ${at(5)}`,
  ])
})
