import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { type KeepRunningOptions, keepRunning } from '../src/supervisor/keep-running.ts'
import { makeThrowAwayDir } from '../src/throw-away.ts'
import { childSpec } from './open-supervisor.ts'

const soonMs = 15_000

/** After so many restarts, a leak of one descriptor or listener each is far above the slack of five. */
const restartsWatched = 300

/** A restart takes 20 ms on a quiet machine; starved by other work it may take ten times that. */
const restartsDeadlineMs = 100_000

test('hundreds of restarts leave no file descriptor and no listener behind', async () => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  const dir = await makeThrowAwayDir()
  const options: KeepRunningOptions = {
    logsDir: dir,
    baseEnv: {},
    backoff: { firstMs: 0, maxMs: 0, healthyAfterMs: 60_000 },
    report: () => undefined,
    onChange: () => undefined,
  }
  const kept = keepRunning(
    await childSpec('mayfly', '', { command: '/bin/true', args: [] }),
    options,
  )
  const before = process.getActiveResourcesInfo().length
  kept.start()
  await expect
    .poll(() => kept.status().restarts, { timeout: restartsDeadlineMs })
    .toBeGreaterThan(restartsWatched)
  await kept.stop()
  process.off('warning', note)
  await rm(dir, { recursive: true })
  expect(warnings).toEqual([])
  await expect
    .poll(() => process.getActiveResourcesInfo().length, { timeout: soonMs })
    .toBeLessThanOrEqual(before + 5)
}, 120_000)
