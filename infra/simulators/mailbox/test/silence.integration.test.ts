import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Simulator } from '../../start-simulator.ts'
import { startSimulator } from '../../start-simulator.ts'
import { waitUntil } from '../../wait-until.ts'

const main = new URL('../src/main.ts', import.meta.url)
const faultsMain = new URL('@nightshift/faults/main', import.meta.url)

const open = new AsyncDisposableStack()
let directory: string
let faults: Simulator
let mailbox: Simulator

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mailbox-'))
  open.defer(() => rm(directory, { recursive: true }))
  faults = await startSimulator(faultsMain, { FAULT_LOG: join(directory, 'faults.jsonl') })
  open.defer(() => faults.kill())
  mailbox = await start('mail.jsonl')
})
afterAll(() => open.disposeAsync())

/** Whatever a test leaves running ends with the file. */
async function start(name: string, faultLogUrl = faults.url): Promise<Simulator> {
  const env = { SMTP_PORT: '0', MAIL_LOG: join(directory, name), FAULT_LOG_URL: faultLogUrl }
  return open.adopt(await startSimulator(main, env), each => each.kill())
}

function turn(settings: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${mailbox.url}/settings`, {
    method: 'PATCH',
    headers,
    body: JSON.stringify(settings),
  })
}

type Sender = { socket: Socket; heard: () => string; closed: () => boolean }

/** Hands a mail over as far as the last dot, and leaves the rest to the caller. */
async function handOver(to: string, simulator = mailbox): Promise<Sender> {
  const socket = connect(simulator.ports['smtpPort'] ?? 0, '127.0.0.1')
  open.defer(() => void socket.destroy())
  let heard = ''
  let closed = false
  socket.setEncoding('utf8').on('data', text => {
    heard += text
  })
  socket.on('close', () => {
    closed = true
  })
  await waitUntil('it greets', () => heard.startsWith('220'))
  socket.write(`EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n`)
  await waitUntil('it asks for the mail', () => heard.includes('\r\n354'))
  heard = ''
  socket.write(`Message-ID: <to-${to}>\r\nSubject: s\r\n\r\nhello\r\n.\r\n`)
  return { socket, heard: () => heard, closed: () => closed }
}

/** The types of the lines about a recipient, in order. */
async function linesTo(to: string, name = 'mail.jsonl'): Promise<string[]> {
  const text = await readFile(join(directory, name), 'utf8')
  const lines = text.split('\n').filter(line => line.includes(`"${to}"`))
  return lines.map(line => JSON.parse(line).type)
}

async function openFaults(): Promise<unknown> {
  return (await fetch(`${faults.url}/fault-log/open`)).json()
}

test('a mail can be kept and its sender left without an answer', async () => {
  await turn({ silence: 'after' })
  const to = 'kept@example.test'
  const sender = await handOver(to)
  await waitUntil('both are in the log', async () => (await linesTo(to)).length === 2)
  expect(await linesTo(to)).toEqual(['mail.accepted', 'mail.unanswered'])
  const shown = await fetch(`${mailbox.url}/mails?to=${to}`)
  expect(await shown.json()).toMatchObject({ mails: [{ subject: 's', accepted: 1 }] })

  await turn({ silence: 'none' })
  const next = await handOver('answered@example.test')
  await waitUntil('the next one is answered', () => next.heard().startsWith('250'))
  expect([sender.heard(), sender.closed()]).toEqual(['', false])
})

test('the silence takes a share of the mails, and none that is refused', async () => {
  await turn({ silence: 'after', silenceRate: 0 })
  const answered = await handOver('share@example.test')
  await waitUntil('it is answered', () => answered.heard().startsWith('250'))
  await turn({ silenceRate: 1, refuseRate: 1 })
  const refused = await handOver('refused@example.test')
  await waitUntil('it is refused', () => refused.heard().startsWith('451'))
  const reset = await fetch(`${mailbox.url}/settings/reset`, { method: 'POST' })
  expect(await reset.json()).toMatchObject({ silence: 'none', refuseRate: 0 })
})

test('the log of all faults has the begin and the end of a setting', async () => {
  await turn({ silence: 'after', silenceRate: 0.5 })
  expect(await openFaults()).toMatchObject([
    { kind: 'setting', name: 'mailbox/silence', value: 'after', silenceRate: 0.5 },
  ])
  await turn({ silence: 'none' })
  expect(await openFaults()).toEqual([])
})

test('a log that is not there keeps a setting at rest, and the answer says why', async () => {
  const alone = await start('alone.jsonl', 'http://127.0.0.1:1')
  const body = JSON.stringify({ refuseRate: 1 })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${alone.url}/settings`, { method: 'PATCH', headers, body })
  expect(answer.status).toBe(502)
  expect(await answer.text()).toContain('nothing was turned')
  expect(await (await fetch(`${alone.url}/settings`)).json()).toMatchObject({ refuseRate: 0 })
  expect(await alone.stop()).toBe(0)
})

test('SIGTERM ends it although a sender waits, who hears nothing', async () => {
  const name = 'stopping.jsonl'
  const stopping = await start(name)
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ silence: 'after' })
  await fetch(`${stopping.url}/settings`, { method: 'PATCH', headers, body })
  const to = 'stopping@example.test'
  const sender = await handOver(to, stopping)
  await waitUntil('the silence', async () => (await linesTo(to, name)).length === 2)
  expect(await stopping.stop()).toBe(0)
  await waitUntil('the line is cut', sender.closed)
  expect(sender.heard()).toBe('')
})
