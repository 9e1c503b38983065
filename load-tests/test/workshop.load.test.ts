import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { changeHeader } from '@nightshift/console/change-header'
import type { BoardLine } from '@nightshift/console/domain/promise-board'
import type { Snapshot } from '@nightshift/console/snapshot'
import { expect, inject, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import { rowsOf } from '../auditor/evidence.ts'
import { isCapture } from '../auditor/facts.ts'
import { canRunK6 } from '../harness/can-run-k6.ts'
import { openRecordingClient, publishAfterRecovery } from '../harness/recording-client.ts'
import { collectAtRest, sourcesOf } from '../harness/sources.ts'
import { call, eventually, saveAlert } from '../harness/test-client.ts'
import { openTestSystem } from '../harness/test-system.ts'
import { faultWindows } from '../replay/fault-windows.ts'

const parts = inject('parts')
/** The first run on a machine builds k6, which may take minutes on a slow one. */
const buildingMs = 900_000
const loadSeconds = 90
const restMs = 90_000
/** The console looks once a second. */
const lookMs = 2_500
const asPage = { [changeHeader]: '1' }

/** What a workshop does to the system while it is under load, one after the other. */
const faults = [
  { words: ['payments', 'freeze'], forMs: 3_000 },
  { words: ['payments-kafka', 'down'], forMs: 20_000 },
  { words: ['card-provider', 'silence=after', 'silenceRate=1'], forMs: 5_000 },
]

test.skipIf(!canRunK6)(
  'after a workshop the page agrees with the log of faults, with the provider and with the auditor',
  { timeout: buildingMs },
  async () => {
    await using system = await openTestSystem({
      parts,
      run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications', 'console'],
      links: true,
    })
    await saveAlert(system)
    const ask = async <Answer>(path: string, body?: object): Promise<Answer> => {
      const url = `${system.urls.console}/api${path}`
      const answer = await call(body ? 'POST' : 'GET', url, { headers: asPage, body })
      expect(answer.status, answer.text).toBe(200)
      return answer.json as Answer
    }
    const snapshot = () => ask<Snapshot>('/snapshot')
    const openFaults = async () => (await system.faults?.openFaults()) ?? []

    await ask('/load', { scenario: 'spike', times: 1, seconds: loadSeconds })
    await eventually(
      'the load has begun',
      async () => ((await snapshot()).load.totals?.offered ? true : undefined),
      buildingMs,
    )
    await ask('/faults', { words: ['payments', 'kill'] })
    for (const { words, forMs } of faults) {
      await eventually('payments serves', async () =>
        (await snapshot()).processes.find(({ name }) => name === 'payments')?.state === 'ready'
          ? true
          : undefined,
      )
      await ask('/faults', { words, expiresInMs: forMs })
      await eventually(
        `${words.join(' ')} is over`,
        async () => ((await openFaults()).length === 0 ? true : undefined),
        forMs + lookMs * 4,
      )
    }
    await eventually(
      'the load is over',
      async () => ((await snapshot()).load.state === 'over' ? true : undefined),
      loadSeconds * 1_000,
    )

    // The auditor reads the sources by itself. The client's history is the one that k6 wrote.
    const dataDir = join(parts.stateDir, 'data', system.prefix.replace(/\.$/, ''))
    const after = join(dataDir, 'after')
    await mkdir(after, { recursive: true })
    const sources = sourcesOf(system, parts, after)
    const client = openRecordingClient(system, join(after, 'history.jsonl'))
    await publishAfterRecovery(client)
    const historyFiles = [join(dataDir, 'load', 'history.jsonl'), join(after, 'history.jsonl')]
    const evidence = await collectAtRest({ ...sources, historyFiles }, restMs)
    const verdict = audit(evidence, { mayBeEmpty: ['mails', 'deliveries'] })
    expect(verdict.violations.map(({ promise, message }) => `${promise}: ${message}`)).toEqual([])

    // The board says of each promise that it looks at what the auditor says. It looks every few seconds.
    const charges = rowsOf(evidence.provider).filter(isCapture)
    const board = await eventually('the board has counted all charges', async () => {
      const seen = await ask<BoardLine[]>('/promises')
      const [first] = seen
      return first?.detail.startsWith(`${charges.length} charges `) ? seen : undefined
    })
    const looked = board.filter(({ state }) => state !== 'not looked at')
    const codes = ['S1', 'S3', 'S6', 'S14', 'S15', 'L1', 'L2', 'L3', 'L4']
    expect(looked.map(({ code }) => code)).toEqual(codes)
    expect(looked.filter(({ state }) => state === 'broken')).toEqual([])

    // Each fault of the log is a band of the timeline, from its begin to its end.
    const logged = faultWindows(rowsOf(evidence.faultLog))
    const { bands } = await snapshot()
    const shown = logged.map(({ fromMs }) => bands.find(({ from }) => from === fromMs))
    expect(shown).not.toContain(undefined)
    const late = logged.map(({ untilMs }, at) => (shown[at]?.until ?? 0) - (untilMs ?? 0))
    expect(late.every(ms => ms >= 0 && ms < lookMs)).toBe(true)
    expect(bands).toHaveLength(logged.length)

    // Its numbers of the load are those of the history: employers that came, and final answers.
    const { load } = await snapshot()
    const ofEmployers = rowsOf(evidence.history).filter(({ run, op, req }) => {
      return run !== 'experiment' && op !== 'read' && req['again'] !== 1
    })
    const arrivals = ofEmployers.filter(({ op, type, req }) => {
      return op !== 'publish' && type === 'invoke' && req['attempt'] === 1
    })
    const final = ofEmployers.filter(({ op, type, status }) => {
      return status === 402 || (op !== 'draft' && type === 'ok')
    })
    expect(load.totals).toMatchObject({ offered: arrivals.length, good: final.length })
    expect(load.totals?.refused).toBeGreaterThan(0)
  },
)
