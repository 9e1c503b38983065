import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import { collect, type Sources } from '../auditor/collect.ts'
import { sourceNames } from '../auditor/evidence.ts'
import { loadEvidence, saveEvidence } from '../auditor/keep-evidence.ts'
import { readOptions } from '../auditor/options.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import { addressDigest } from '../auditor/sources/log-lines.ts'
import { readFaultLog, readHistory, readMails, readProvider } from '../auditor/sources/read-logs.ts'
import { recordOf } from '../auditor/sources/topic-record.ts'

/** Long enough for a few processes on a busy machine. */
const processMs = 30_000
const validRun = join(import.meta.dirname, 'fixtures/valid-run')
let dir: string
let file: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'auditor-'))
  file = join(dir, 'lines.jsonl')
})
afterEach(() => rm(dir, { recursive: true }))

const invoke = { h: 1, run: 'r', idx: 1, proc: '1', op: 'draft', type: 'invoke', t: 1, tenant: 'a' }
const line = (value: object) => `${JSON.stringify(value)}\n`

describe('the history of clients', () => {
  test('a torn last line is left out', async () => {
    await writeFile(file, `${line({ ...invoke, req: {} })}{"h":1,"run":"r","id`)
    expect(await readHistory([file])).toMatchObject({ rows: [{ idx: 1 }], problems: [] })
  })

  test('any other line that is not JSON is named', async () => {
    await writeFile(file, `${line({ ...invoke, req: {} })}{"h":1,"ru\n${line({ progress: 3 })}`)
    expect(await readHistory([file])).toMatchObject({ problems: [`${file}:2 is not JSON`] })
  })

  test('a line that lacks what the checks need is named', async () => {
    await writeFile(file, line({ ...invoke, op: 'guess', req: {} }))
    const problems = [`${file}:1 is no line of a history`]
    expect(await readHistory([file])).toEqual({ state: 'read', rows: [], problems })
  })
})

describe('the logs of simulators and of the fault proxy', () => {
  const at = '2026-01-01T00:00:00.000Z'

  test('an address becomes a digest', async () => {
    const mail = { at, seq: 1, type: 'mail.accepted', messageId: '<a@b>', to: ['ada@example.org'] }
    await writeFile(
      file,
      line({ ...mail, text: 'Hello\nListing 4e311603-0000-4000-8000-000000000001.' }),
    )
    const source = await readMails(file)
    expect(JSON.stringify(source)).not.toContain('ada')
    const listingId = '4e311603-0000-4000-8000-000000000001'
    expect(source).toMatchObject({
      rows: [{ listingId, recipients: [expect.stringMatching(/^[0-9a-f]{16}$/)] }],
    })
  })

  test('a description that names another listing does not decide what its mail is about', async () => {
    const [named, forged] = ['4e311603-0000-4000-8000-000000000001', randomUUID()]
    const text = `Our job.\nListing ${forged}. Apply!\n\nListing ${named}. You get this because.`
    const mail = { at, seq: 1, type: 'mail.accepted', messageId: '<a@b>', to: ['ada@example.org'] }
    await writeFile(file, line({ ...mail, text }))
    expect(await readMails(file)).toMatchObject({ rows: [{ listingId: named }] })
  })

  test('an address has one digest, however a mail server writes it', async () => {
    const accepted = { at, type: 'mail.accepted', messageId: '<a@b>' }
    const ways = ['ada@xn--bcher-kva.example', 'Ada@bücher.example', 'ada@BÜCHER.example']
    await writeFile(
      file,
      ways.map((to, seq) => line({ ...accepted, seq: seq + 1, to: [to] })).join(''),
    )
    const source = await readMails(file)
    const rows = source.state === 'read' ? source.rows : []
    expect(new Set(rows.map(({ recipients }) => recipients[0])).size).toBe(1)
    expect(rows[0]?.recipients).toEqual([addressDigest('ada@xn--bcher-kva.example')])
  })

  test('a request to confirm an address is recognized by its Message-ID', async () => {
    const messageId = '<confirmation.4e311603-0000-4000-8000-000000000001@nightshift.invalid>'
    await writeFile(file, line({ at, seq: 1, type: 'mail.accepted', messageId, to: ['a@b.c'] }))
    expect(await readMails(file)).toMatchObject({ rows: [{ kind: 'confirmation' }] })
  })

  test('a fault is named after what it hit, in the formats of all writers', async () => {
    const toxic = { kind: 'toxic', action: 'begin', proxy: 'redis', toxic: { name: 'slow' } }
    const death = { kind: 'process', action: 'begin', process: 'payments', signal: 'SIGKILL' }
    await writeFile(file, line({ at, ...toxic }) + line({ at, ...death }))
    expect(await readFaultLog(file)).toMatchObject({
      rows: [{ name: 'redis/slow' }, { name: 'payments', signal: 'SIGKILL' }],
    })
  })

  test('a refund has two ids: ours, and the one of the provider', async () => {
    const metadata = { payment_id: 'p', refund_id: 'r', tenant_id: 't' }
    const money = { intentId: 'pi_1', refundId: 're_1', amount: 100, currency: 'eur' }
    await writeFile(file, line({ at, seq: 1, type: 'refund.succeeded', ...money, metadata }))
    expect(await readProvider({ providerLog: file }, 1_000)).toMatchObject({
      rows: [{ paymentId: 'p', refundId: 'r', providerRefundId: 're_1', intentId: 'pi_1' }],
      problems: [],
    })
  })

  test('a line without its number is no line of a provider log', async () => {
    await writeFile(file, line({ at, type: 'intent.succeeded' }))
    expect(await readProvider({ providerLog: file }, 1_000)).toMatchObject({
      rows: [],
      problems: [`${file}:1 is no line of a provider log`],
    })
  })
})

test('a record that breaks its contract is kept as unreadable', () => {
  const at = { topic: 't.payments.v1', partition: 0, start: 0, end: 1 }
  const raw = { offset: 0, t: 1, key: null, value: Buffer.from('{"type":"payment.captured"}') }
  expect(recordOf(raw, at, 't.')).toMatchObject({
    topic: 'payments.v1',
    unreadable: 'it breaks the contract of payments.v1',
  })
})

describe('a recorded run', () => {
  test('is the same when it is read again', async () => {
    const evidence = await loadEvidence(validRun)
    await saveEvidence(evidence, dir)
    expect(await loadEvidence(dir)).toEqual(evidence)
  })

  test('is unknown when one of its files is cut', async () => {
    await saveEvidence(await loadEvidence(validRun), dir)
    const cut = join(dir, 'provider.jsonl')
    await truncate(cut, (await readFile(cut)).length - 400)
    const { valid, coverage } = audit(await loadEvidence(dir))
    expect(valid).not.toBe(true)
    expect(coverage.inconclusive[0]).toMatch(/provider is missing: .* rows, and its header says/)
  })
})

test(
  'a system that does not answer makes the verdict unknown, and each source is named',
  async () => {
    const nowhere = 'http://127.0.0.1:1'
    const database = 'postgresql://user@127.0.0.1:1/absent'
    const sources: Sources = {
      provider: { providerUrl: nowhere },
      mailLog: file,
      listingsUrl: nowhere,
      databases: { payments: database, listings: database, notifications: database },
      kafka: { brokers: '127.0.0.1:1' },
    }
    const quiescence = await waitForQuiescence(sources, 0)
    expect(quiescence.unasked.toSorted()).toEqual([
      expect.stringContaining('kafka: '),
      expect.stringContaining('listings: '),
      expect.stringContaining('notifications: '),
      expect.stringContaining('payments: '),
    ])
    const evidence = await collect(sources, { timeoutMs: 2_000 })
    expect(sourceNames.filter(name => evidence[name].state === 'read')).toEqual([])
    expect(audit(evidence)).toMatchObject({ valid: 'unknown', violations: [] })
  },
  processMs,
)

describe('on the command line', () => {
  const main = join(import.meta.dirname, '../auditor/main.ts')
  const runMain = (...args: string[]) =>
    spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })

  test(
    'a valid run exits with 0, and an unknown one with 2',
    async () => {
      expect(runMain('--run', validRun, '--pays-directly')).toMatchObject({ status: 0, stderr: '' })
      const unmetFlags = ['--sometimes', 'crash.listings >= 1', '--json']
      const unmet = runMain('--run', validRun, '--pays-directly', ...unmetFlags)
      expect(unmet.status).toBe(2)
      expect(JSON.parse(unmet.stdout)).toMatchObject({ valid: 'unknown' })
      const unexcused = runMain('--run', validRun)
      expect(unexcused).toMatchObject({
        status: 1,
        stdout: expect.stringContaining('dead-lettered'),
      })
      expect(runMain('--run', dir)).toMatchObject({ status: 2 })
      expect(runMain('--brokers', '127.0.0.1:1')).toMatchObject({ status: 2, stdout: '' })
    },
    processMs,
  )

  test(
    'a broken promise exits with 1, and is explained with its timeline',
    async () => {
      const evidence = await loadEvidence(validRun)
      const { history } = evidence
      const answers = history.state === 'read' ? history.rows : []
      Object.assign(answers.find(({ op, type }) => op === 'publish' && type === 'ok') ?? {}, {
        status: 500,
      })
      await saveEvidence(evidence, dir)
      const { status, stdout } = runMain('--run', dir)
      expect(status).toBe(1)
      expect(stdout).toContain('valid: false')
      expect(stdout).toContain('S15: no answer is a 500')
      expect(stdout).toMatch(/\d{4}-\d\d-\d\dT\S+Z {2}history +client \d+ #\d+ publish/)
    },
    processMs,
  )
})

test('everything that is missing on the command line is named at once', () => {
  expect(() => readOptions({ brokers: 'localhost:9092', 'may-be-empty': ['mail'] }, {})).toThrow(
    /mail is no source[\s\S]*--provider-log[\s\S]*--mail-log[\s\S]*PAYMENTS_DATABASE_URL/,
  )
})
