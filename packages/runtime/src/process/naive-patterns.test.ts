import { expect, test } from 'vitest'
import type { Log, LogFields } from '../telemetry/logger.ts'
import { ConfigError } from './config.ts'
import { warnOfNaivePatterns } from './naive-patterns.ts'

function warnings(config: object): LogFields[] {
  const lines: LogFields[] = []
  const warn = (fields: LogFields) => void lines.push(fields)
  warnOfNaivePatterns(config, { warn } as Log)
  return lines
}

const naive = { PATTERN_OUTBOX: 'naive', PATTERN_IDEMPOTENCY_KEY: 'on', PATTERN_INBOX: 'naive' }

test('patterns that are on cause no warning', () => {
  expect(warnings({ NODE_ENV: 'production', PATTERN_OUTBOX: 'on', NAME: 'naive' })).toEqual([])
})

test('each naive version is warned of by its switch', () => {
  expect(warnings({ NODE_ENV: 'test', ...naive })).toEqual([
    { event: 'pattern.naive', switch: 'PATTERN_OUTBOX', variant: 'naive' },
    { event: 'pattern.naive', switch: 'PATTERN_INBOX', variant: 'naive' },
  ])
})

test('production refuses naive versions, and names them all', () => {
  expect(() => warnings({ NODE_ENV: 'production', ...naive })).toThrow(ConfigError)
  expect(() => warnings({ NODE_ENV: 'production', ...naive })).toThrow(
    /PATTERN_OUTBOX(.|\n)*PATTERN_INBOX/,
  )
})

test('production refuses a variant like a naive version', () => {
  const config = { NODE_ENV: 'production', PATTERN_IDEMPOTENCY_KEY: 'select-then-insert' }
  expect(() => warnings(config)).toThrow('PATTERN_IDEMPOTENCY_KEY=select-then-insert')
})

test.each(['CRASH_AT', 'BLOCK_AT'])('production refuses %s, and a test may set it', name => {
  expect(() => warnings({ NODE_ENV: 'production', [name]: 'one.done:1' })).toThrow(name)
  expect(warnings({ NODE_ENV: 'production', [name]: '' })).toEqual([])
  expect(warnings({ NODE_ENV: 'test', [name]: 'one.done:1' })).toEqual([])
})

test.each(['0', 'true', ''])('LAB=%s allows nothing in production', LAB => {
  expect(() => warnings({ NODE_ENV: 'production', LAB, ...naive })).toThrow(ConfigError)
})

test('LAB=1 in production allows them, with a warning', () => {
  expect(warnings({ NODE_ENV: 'production', LAB: '1', ...naive })).toHaveLength(2)
})
