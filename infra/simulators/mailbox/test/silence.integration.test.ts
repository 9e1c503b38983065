import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Simulator } from '../../start-simulator.ts'
import { startSimulator, withToken } from '../../start-simulator.ts'
import { waitUntil } from '../../wait-until.ts'
import { changeSettings, defaultLog, type Mailboxes, openMailboxes } from './mailboxes.ts'

const faultsMain = new URL('../../../faults/src/main.ts', import.meta.url)

const open = new AsyncDisposableStack()
let mailboxes: Mailboxes
let faults: Simulator
let mailbox: Simulator

beforeAll(async () => {
  mailboxes = open.use(await openMailboxes())
  faults = await startSimulator(faultsMain, { FAULT_LOG: mailboxes.file('faults.jsonl') })
  open.defer(() => faults.kill())
  mailbox = await start(defaultLog)
})
afterAll(() => open.disposeAsync())

function start(logName: string, faultLogUrl = faults.url): Promise<Simulator> {
  return mailboxes.start(logName, { FAULT_LOG_URL: faultLogUrl })
}

type Sender = { received: () => string; isClosed: () => boolean }

/** Sends a whole mail, up to the last dot, and does not wait for its answer. */
async function sendMail(to: string, simulator = mailbox): Promise<Sender> {
  const socket: Socket = connect(simulator.ports['smtpPort'] ?? 0, '127.0.0.1')
  open.defer(() => void socket.destroy())
  let received = ''
  let closed = false
  socket.setEncoding('utf8').on('data', text => {
    received += text
  })
  socket.on('close', () => {
    closed = true
  })
  await waitUntil('the mailbox greets', () => received.startsWith('220'))
  socket.write(`EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n`)
  await waitUntil('the mailbox asks for the mail', () => received.includes('\r\n354'))
  received = ''
  socket.write(`Message-ID: <to-${to}>\r\nSubject: s\r\n\r\nhello\r\n.\r\n`)
  return { received: () => received, isClosed: () => closed }
}

async function typesTo(to: string, logName = defaultLog): Promise<string[]> {
  return (await mailboxes.linesTo(to, logName)).map(({ type }) => type)
}

async function openFaults(): Promise<unknown> {
  return (await fetch(`${faults.url}/fault-log/open`, { headers: withToken })).json()
}

test('with silence a mail is accepted and shown, and its sender gets no answer', async () => {
  await changeSettings(mailbox, { silence: 'after' })
  const to = 'kept@example.test'
  const sender = await sendMail(to)
  await waitUntil('both lines are in the log', async () => (await typesTo(to)).length === 2)
  expect(await typesTo(to)).toEqual(['mail.accepted', 'mail.unanswered'])
  const shown = await fetch(`${mailbox.url}/mails?to=${to}`)
  expect(await shown.json()).toMatchObject({ mails: [{ subject: 's', accepted: 1 }] })

  await changeSettings(mailbox, { silence: 'none' })
  const next = await sendMail('answered@example.test')
  await waitUntil('the next mail is answered', () => next.received().startsWith('250'))
  expect([sender.received(), sender.isClosed()]).toEqual(['', false])
})

test('silence affects only its share of the mails, and no refused mail', async () => {
  await changeSettings(mailbox, { silence: 'after', silenceRate: 0 })
  const answered = await sendMail('share@example.test')
  await waitUntil('the mail is answered', () => answered.received().startsWith('250'))
  await changeSettings(mailbox, { silenceRate: 1, refuseRate: 1 })
  const refused = await sendMail('refused@example.test')
  await waitUntil('the mail is refused', () => refused.received().startsWith('451'))
  const reset = await fetch(`${mailbox.url}/settings/reset`, { method: 'POST', headers: withToken })
  expect(await reset.json()).toMatchObject({ silence: 'none', refuseRate: 0 })
})

test('the fault log has the begin and the end of a setting', async () => {
  await changeSettings(mailbox, { silence: 'after', silenceRate: 0.5 })
  expect(await openFaults()).toMatchObject([
    { kind: 'setting', name: 'mailbox/silence', value: 'after', silenceRate: 0.5 },
  ])
  await changeSettings(mailbox, { silence: 'none' })
  expect(await openFaults()).toEqual([])
})

test('without a reachable fault log no fault begins, and the answer says why', async () => {
  const alone = await start('alone.jsonl', 'http://127.0.0.1:1')
  const answer = await changeSettings(alone, { refuseRate: 1 })
  expect(answer.status).toBe(502)
  expect(await answer.text()).toContain('nothing was changed')
  expect(await (await fetch(`${alone.url}/settings`)).json()).toMatchObject({ refuseRate: 0 })
  expect(await alone.stop()).toBe(0)
})

test('SIGTERM ends the process although a sender waits, and the sender gets no answer', async () => {
  const name = 'stopping.jsonl'
  const stopping = await start(name)
  await changeSettings(stopping, { silence: 'after' })
  const to = 'stopping@example.test'
  const sender = await sendMail(to, stopping)
  await waitUntil('the mail is unanswered', async () => (await typesTo(to, name)).length === 2)
  expect(await stopping.stop()).toBe(0)
  await waitUntil('the sender is disconnected', sender.isClosed)
  expect(sender.received()).toBe('')
})
