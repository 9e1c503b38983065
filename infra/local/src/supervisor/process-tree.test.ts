import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { identify } from './process-table.ts'
import { killProcess, membersOf, sendSignal } from './process-tree.ts'

const root = { pid: 100, startedAt: 'monday' }
const rootRow = { ...root, parent: 1, group: 100 }
const pids = (rows: readonly { pid: number }[]) =>
  rows.map(row => row.pid).toSorted((a, b) => a - b)

test('the tree is the group and its descendants, whatever group they are in', () => {
  const table = [
    rootRow,
    { pid: 101, parent: 100, group: 100, startedAt: 'monday' },
    { pid: 102, parent: 100, group: 102, startedAt: 'monday' }, // has a group of its own
    { pid: 103, parent: 102, group: 103, startedAt: 'monday' }, // and so has its child
    { pid: 104, parent: 1, group: 100, startedAt: 'monday' }, // its parent is gone
    { pid: 105, parent: 1, group: 105, startedAt: 'monday' }, // a foreign process
  ]
  expect(pids(membersOf({ root, seen: [] }, table))).toEqual([100, 101, 102, 103, 104])
})

test('a foreign process with the pid of the root is no member, nor is its group', () => {
  const table = [
    { pid: 100, parent: 1, group: 100, startedAt: 'tuesday' },
    { pid: 106, parent: 100, group: 100, startedAt: 'tuesday' },
  ]
  expect(membersOf({ root, seen: [] }, table)).toEqual([])
})

test('a member that was seen once stays a member after its parents have died', () => {
  const child = { pid: 102, parent: 1, group: 102, startedAt: 'monday' }
  const seen = [{ pid: 102, startedAt: 'monday' }]
  expect(pids(membersOf({ root, seen }, [child]))).toEqual([102])
  expect(membersOf({ root, seen }, [{ ...child, startedAt: 'tuesday' }])).toEqual([])
})

test('one surviving member shows that the group is still ours', () => {
  const table = [
    { pid: 101, parent: 1, group: 100, startedAt: 'monday' },
    { pid: 107, parent: 1, group: 100, startedAt: 'monday' }, // forked since the last look
  ]
  const seen = [{ pid: 101, startedAt: 'monday' }]
  expect(pids(membersOf({ root, seen }, table))).toEqual([101, 107])
  expect(membersOf({ root, seen: [] }, table)).toEqual([])
})

test('a process that has ended takes no signal, and that is no error', async () => {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const found = await identify(child.pid ?? 0)
  if (!found) return expect.unreachable('it runs')
  await killProcess(found)
  if (child.signalCode === null) await once(child, 'exit')
  expect(sendSignal(found.pid, 'SIGTERM')).toBe(false)
  await killProcess(found)
})

test('a process that outlives SIGKILL is named', async () => {
  const child = spawn('sleep', ['60'])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  const found = await identify(child.pid ?? 0)
  if (!found) return expect.unreachable('it runs')
  using _kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  await expect(killProcess(found, 0)).rejects.toThrow(`process ${found.pid} is still alive`)
})
