import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const aliveMs = 15_000
const childFile = fileURLToPath(new URL('./lifecycle-child.ts', import.meta.url))

/** A service in a process of its own. It is sent these signals, one after each of its lines. */
async function runChild(mode: string, ...signals: NodeJS.Signals[]) {
  const child = spawn(process.execPath, [childFile, mode], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(aliveMs),
  })
  const lines: Record<string, unknown>[] = []
  createInterface(child.stdout).on('line', line => {
    lines.push(JSON.parse(line))
    const signal = signals.shift()
    if (signal) child.kill(signal)
  })
  const complained: string[] = []
  child.stderr.on('data', chunk => complained.push(String(chunk)))
  const [code, signal] = await once(child, 'close')
  return { code, signal, lines, events: lines.map(line => line['event']), complained }
}

describe.concurrent('a service', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('ends well at %s, and logs it', async signal => {
    expect(await runChild('run', signal)).toMatchObject({
      code: 0,
      events: ['service.started', 'service.stopping', 'service.stopped'],
      complained: [],
    })
  })

  test('whose configuration is refused logs every mistake, and exits with a code that forbids a restart', async () => {
    const { code, lines } = await runChild('refuse')
    expect(code).toBe(78)
    expect(lines).toEqual([
      expect.objectContaining({
        event: 'configuration.refused',
        mistakes: ['PORT: is not set', 'DATABASE_URL: is not set'],
      }),
    ])
  })

  test.each([
    ['that does not come up', 'throw', 'the database is of another version', []],
    ['with an unhandled rejection', 'loose-end', 'nobody waits', []],
    ['that fails to close', 'fail-to-close', 'could not close', ['SIGTERM']],
  ] as const)(
    '%s ends as failed, and the reason is its last line',
    async (_what, mode, message, signals) => {
      const { code, lines } = await runChild(mode, ...signals)
      expect(code).toBe(1)
      expect(lines.at(-1)).toMatchObject({ event: 'service.crashed', error: { message } })
    },
  )

  test('that can not close ends at the second signal', async () => {
    const { code, events } = await runChild('stuck', 'SIGTERM', 'SIGTERM')
    expect(code).toBe(1)
    expect(events).toEqual(['service.started', 'service.stopping'])
  })

  test('dies at an armed crash point when it is reached for the n-th time, and not before', async () => {
    const { signal, lines } = await runChild('crashpoint')
    expect(signal).toBe('SIGKILL')
    expect(lines.map(line => line['n'])).toEqual([1, 2, 3])
  })
})
