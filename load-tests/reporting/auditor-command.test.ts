import { expect, test } from 'vitest'
import { auditRecorded, auditRunning } from './auditor-command.ts'

const witnesses = {
  dataDir: '/state/data',
  historyFile: '/state/run/load/history.jsonl',
  listingsUrl: 'http://127.0.0.1:4002',
  postgresUrl: 'postgres://postgres:secret@127.0.0.1:4432/postgres',
  kafkaBrokers: '127.0.0.1:4092',
}

test('passwords go to the auditor by its environment, never by its arguments', () => {
  const { args, env } = auditRunning(witnesses, ['--json'])
  expect(args.join(' ')).not.toContain('secret')
  expect(env['LISTINGS_DATABASE_URL']).toBe('postgres://postgres:secret@127.0.0.1:4432/listings')
  expect(args.slice(-1)).toEqual(['--json'])
})

test('without a history none is named, and a person is told how to get one', () => {
  const { args, advice } = auditRunning(witnesses, [])
  expect(args).not.toContain('--history')
  expect(advice.join()).toContain('npm run load')
  const here = { ...witnesses, historyFile: import.meta.filename }
  expect(auditRunning(here, []).args).toContain('--history')
  expect(auditRunning(here, []).advice).toEqual([])
})

test('a recorded run needs nobody who can be asked', () => {
  const { args, env } = auditRecorded('/kept', [])
  expect(args.slice(1)).toEqual(['--run', '/kept'])
  expect(env).toEqual({})
})
