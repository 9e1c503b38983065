import { expect, test } from 'vitest'
import { armCrashpoint, crashpoint } from './crashpoint.ts'

test.each([
  '',
  'settle.begin',
  'settle.begin:',
  ':1',
  'settle.begin:0',
  'settle.begin:-1',
  'settle.begin:x',
  'settle.begin:1.5',
  'settle.begin:1:2',
  'no.such.place:1',
])('%j arms nothing: it is refused, and the labels are named', async setting => {
  expect(() => armCrashpoint(setting)).toThrow(/CRASH_AT.*settle\.begin.*mail\.accepted/)
  await crashpoint('settle.begin')
})

test('a label that is not armed is passed', async () => {
  await crashpoint('settle.begin')
  armCrashpoint('outbox.committed:1')
  await crashpoint('settle.begin')
})

test('an armed label is passed until its turn has come', async () => {
  armCrashpoint('settle.begin:3')
  await crashpoint('settle.begin')
  await crashpoint('settle.begin')
})
