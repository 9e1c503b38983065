import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { openKafkaLab, paymentCaptured } from '@nightshift/load-tests/harness/kafka-lab'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { describe, expect, inject, test } from 'vitest'

const aliveMs = 20_000
const childFile = fileURLToPath(new URL('./kafka-child.ts', import.meta.url))

/** A consumer and a producer in a process of their own; answers what it said on its way. */
async function runChild(mode: 'idle' | 'away', brokers: string, prefix: string) {
  const child = spawn(process.execPath, [childFile, mode, brokers, prefix], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(aliveMs),
  })
  const [said, complained, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    }),
  ])
  const lines = said.trim().split('\n')
  return { ...Object.assign({}, ...lines.map(line => JSON.parse(line))), complained, code }
}

describe.concurrent('a process that consumes and produces', () => {
  test('sleeps while nothing happens, and causes no warning of Node', async () => {
    const { kafkaBrokers } = inject('parts')
    await using lab = await openKafkaLab(kafkaBrokers)
    await lab.writeEvents(0, paymentCaptured('01890a5d-ac96-774b-bcce-b302099a8057'))
    const child = await runChild('idle', kafkaBrokers, lab.prefix)
    expect(child).toMatchObject({ code: 0, complained: '', warnings: [] })
    // Unpatched, KafkaJS sets some 900 of them for each connection.
    expect(child.timersPerSecond).toBeLessThan(60)
    expect(child.log).not.toContain('artitioner')
    expect(child.closeMs).toBeLessThan(3_000)
  })

  test('ends in time while Kafka is away', async () => {
    const [port = 0] = await findFreePorts(1)
    const child = await runChild('away', `127.0.0.1:${port}`, '')
    expect(child).toMatchObject({ code: 0, complained: '', warnings: [] })
    expect(child.closeMs).toBeLessThan(3_000)
  })
})
