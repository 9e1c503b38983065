import { expect, test } from 'vitest'
import { armBlock, armCrashpoint, reachCrashPoint } from './crashpoint.ts'

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

test.each(['', 'one.done', 'one.done:1', 'one.done:0:5', 'one.done:1:0', 'one.done:1:100000'])(
  '%j blocks nothing, and the labels are named',
  setting => {
    expect(() => armBlock(setting, known)).toThrow(/BLOCK_AT.*one\.done.*two\.done/)
  },
)

test('each n-th time the event loop is blocked, and no timer fires meanwhile', async () => {
  expect(armBlock('three.done:1:1', known)).toBe(false)
  expect(armBlock('two.done:2:30', known)).toBe(true)
  const tookMs = async () => {
    const startedMs = performance.now()
    await reachCrashPoint('two.done')
    return performance.now() - startedMs
  }
  for (let round = 0; round < 2; round += 1) {
    await reachCrashPoint('two.done')
    let fired = false
    setTimeout(() => {
      fired = true
    }, 1)
    expect(await tookMs()).toBeGreaterThanOrEqual(30)
    expect(fired).toBe(false)
  }
})
