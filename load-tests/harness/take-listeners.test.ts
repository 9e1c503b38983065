import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { portPlan } from '@nightshift/local/ports/ports'
import { expect, test } from 'vitest'
import { takeListeners } from './take-listeners.ts'

test('systems that take listeners at the same time get different ones, and one too many is refused', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'listeners-'))
  const parts = { stateDir, listenerPorts: [portPlan(4000), portPlan(5000)] }
  try {
    const [one, other] = await Promise.all([takeListeners(parts), takeListeners(parts)])
    expect(one.ports).not.toBe(other.ports)
    await expect(takeListeners(parts)).rejects.toThrow('2 systems with links run on these parts')
    await one.giveBack()
    expect((await takeListeners(parts)).ports).toBe(one.ports)
  } finally {
    await rm(stateDir, { recursive: true })
  }
})
