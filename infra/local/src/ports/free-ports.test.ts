import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { findFreePorts } from './free-ports.ts'

test('a port is given out once, although no process listens on it yet', async () => {
  const [first, second] = await Promise.all([findFreePorts(200), findFreePorts(200)])
  expect(new Set([...first, ...second]).size).toBe(400)
})

const takeOne = `
  import { reservePort } from '${import.meta.dirname}/reserve-port.ts'
  const { min } = JSON.parse(process.argv[1])
  console.log(reservePort(min))
  setInterval(() => {}, 1_000)`

test('a port that another process has reserved is not given out while that process lives', async () => {
  const [port = 0] = await findFreePorts(1, { min: 14_000, max: 14_999 })
  const range = { min: port + 1, max: port + 1 }
  const argv = ['--input-type=module-typescript', '--eval', takeOne, JSON.stringify(range)]
  const other = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed] = await once(other.stdout, 'data')
  expect(String(printed).trim()).toBe('true')
  await expect(findFreePorts(1, range)).rejects.toThrow('found 0 free ports')
  other.kill('SIGKILL')
  await once(other, 'exit')
  expect(await findFreePorts(1, range)).toEqual([range.min])
})
