import { expect, test } from 'vitest'
import { auditRecorded, auditRunning } from './auditor-command.ts'

const sources = {
  dataDir: '/state/data',
  historyFile: '/state/run/load/history.jsonl',
  listingsUrl: 'http://127.0.0.1:4002',
  postgresUrl: 'postgres://postgres:secret@127.0.0.1:4432/postgres',
  kafkaBrokers: '127.0.0.1:4092',
}

test('passwords reach the auditor by its environment, never by its arguments', () => {
  const { args, env } = auditRunning(sources, ['--json'])
  expect(args.join(' ')).not.toContain('secret')
  expect(env['LISTINGS_DATABASE_URL']).toBe('postgres://postgres:secret@127.0.0.1:4432/listings')
  expect(args.slice(-1)).toEqual(['--json'])
})

test('without a history the command names none, and says how to make one', () => {
  const { args, advice } = auditRunning(sources, [])
  expect(args).not.toContain('--history')
  expect(advice.join()).toContain('npm run load')
  const withHistory = { ...sources, historyFile: import.meta.filename }
  expect(auditRunning(withHistory, []).args).toContain('--history')
  expect(auditRunning(withHistory, []).advice).toEqual([])
})

test('a recorded run needs no running system', () => {
  const { args, env } = auditRecorded('/kept', [])
  expect(args.slice(1)).toEqual(['--run', '/kept'])
  expect(env).toEqual({})
})
