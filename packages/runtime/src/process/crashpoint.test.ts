import { expect, test } from 'vitest'
import { armCrashpoint, reachCrashPoint } from './crashpoint.ts'

const known = [{ 'one.done': 'One is committed.' }, { 'two.done': 'Two is committed.' }]

test.each([
  '',
  'one.done',
  'one.done:',
  ':1',
  'one.done:0',
  'one.done:-1',
  'one.done:x',
  'one.done:1.5',
  'one.done:1:2',
])('%j is refused, the labels are named, and nothing is armed', async setting => {
  expect(() => armCrashpoint(setting, known)).toThrow(/CRASH_AT.*one\.done.*two\.done/)
  await reachCrashPoint('one.done')
})

test('a label of another process arms nothing, and the caller is told', async () => {
  expect(armCrashpoint('three.done:1', known)).toBe(false)
  await reachCrashPoint('three.done')
})

test('a label that is not armed is passed', async () => {
  expect(armCrashpoint('two.done:1', known)).toBe(true)
  await reachCrashPoint('one.done')
})

test('an armed label is passed until its turn has come', async () => {
  expect(armCrashpoint('one.done:3', known)).toBe(true)
  await reachCrashPoint('one.done')
  await reachCrashPoint('one.done')
})
