import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { expect, test } from 'vitest'
import type { Mail } from '../domain/mail.ts'
import { type MailServer, openMailServer } from './mail-server.ts'

const limits = {
  connectMs: 500,
  greetingMs: 500,
  silenceMs: 400,
  connectionsMax: 2,
}
const attemptMs = 800
/** The additional time that a busy machine may need. */
const lateMs = 5_000

const mail: Mail = {
  to: 'ada@example.org',
  subject: 'Night SRE at Lumen',
  text: 'Keep it up.',
  messageId: '<alert.1@nightshift.invalid>',
  unsubscribeUrl: `http://127.0.0.1:4003/v1/unsubscribe/${'a'.repeat(90)}`,
}

type Received = { from: string; to: string[]; raw: string }

/** A real mail server that keeps every received mail unchanged. */
async function openReceiver(answer: (received: Received) => Error | null = () => null) {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', chunk => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const one = {
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString('latin1'),
        }
        received.push(one)
        callback(answer(one))
      })
    },
  })
  const listener = server.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => server.close(() => resolve())),
  }
}

/** A server whose answers a test scripts. */
async function openScript(talk: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    talk(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: sockets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

async function withClient<T>(url: string, work: (server: MailServer) => Promise<T>): Promise<T> {
  const client = openMailServer(url, limits)
  try {
    return await work(client)
  } finally {
    client.close()
  }
}

async function sendAndRead(changes: Partial<Mail>) {
  await using receiver = await openReceiver()
  const outcome = await withClient(receiver.url, client =>
    client.send({ ...mail, ...changes }, deadlineIn(attemptMs)),
  )
  expect(outcome.kind).toBe('ok')
  const [one] = receiver.received
  if (one === undefined) throw new Error('no mail was received')
  const parsed = await PostalMime.parse(Buffer.from(one.raw, 'latin1'))
  return { ...one, parsed }
}

// Text that has a meaning in the format of a mail must not gain it (compare
// icegreen/greenmail#1010).
test.each([
  ['text that looks like an encoded word', '=?utf-8?B?4oCuZXhlLmZkcA==?= at Lumen'],
  ['text that looks like two encoded words', 'a =?utf-8?Q?b?= =?utf-8?Q?c?= d'],
  ['text that looks like half of an encoded word', 'SRE =?utf-8?B?4oCu at Lumen'],
  ['letters of other scripts', 'Ärztin für 夜勤 и ночная смена'],
  ['symbols with two code units each', '🚀'.repeat(60)],
  ['a joined emoji', '👩‍👩‍👧‍👦 SRE'],
  ['leading and trailing spaces', '  SRE  at  Lumen  '],
  ['quotes and backslashes', 'SRE "on\\call" <night> (remote), at; Lumen: yes'],
  ['one long word', 'x'.repeat(240)],
  ['long words', `${'Donaudampfschifffahrt '.repeat(11)}`],
  ['text that looks like a header', 'Bcc: eve@example.org at Lumen'],
  ['an underscore and an equals sign', 'a_b=20c=?d?='],
])('a subject arrives unchanged: %s', async (_what, subject) => {
  const { parsed, raw } = await sendAndRead({ subject })
  expect(parsed.subject).toBe(subject)
  expect(parsed.bcc ?? []).toEqual([])
  for (const line of raw.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998)
})

test.each([
  ['lines that begin with a dot', '.\n..\n.a'],
  ['lines that begin with From', 'From here\n>From there'],
  ['spaces at the end of lines', 'a \nb  \n c\n'],
  ['a line of 3,000 characters', 'x'.repeat(3_000)],
  ['a word of every script', 'Ärztin 夜勤 ночь 🚀'.repeat(50)],
  ['text that looks like the end of a mail', 'a\n.\nQUIT\nMAIL FROM:<eve@example.org>'],
  ['text that looks like a boundary', '--boundary\nContent-Type: text/html\n\n<b>x</b>'],
  ['text that looks like quoted-printable', 'a=\nb=20=C3=A4'],
])('a text arrives unchanged: %s', async (_what, text) => {
  const { parsed, raw } = await sendAndRead({ text })
  expect(parsed.text?.replace(/\r?\n$/, '')).toBe(text.replace(/\n$/, ''))
  expect(parsed.html).toBeUndefined()
  for (const line of raw.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998)
})

test('a mail has one recipient, its id, and the headers of RFC 8058 and RFC 3834', async () => {
  const address = "o'hara+jobs=a@xn--bcher-kva.example"
  const { parsed, to, raw } = await sendAndRead({ to: address })
  const header = (key: string) => parsed.headers.find(one => one.key === key)?.value
  expect(raw).toContain(`\r\nTo: ${address}\r\n`)
  // The server of the test decodes the domain. It received this address and no other.
  expect(to).toEqual(["o'hara+jobs=a@bücher.example"])
  expect(parsed.messageId).toBe(mail.messageId)
  expect(header('list-unsubscribe')).toBe(`<${mail.unsubscribeUrl}>`)
  expect(header('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')
  expect(header('auto-submitted')).toBe('auto-generated')
})

test.each([
  [451, 'shed'],
  [554, 'rejected'],
])('after an answer of %i the outcome is %s', async (responseCode, kind) => {
  await using receiver = await openReceiver(() => Object.assign(new Error('no'), { responseCode }))
  expect(
    (await withClient(receiver.url, client => client.send(mail, deadlineIn(attemptMs)))).kind,
  ).toBe(kind)
})

/** Answers the commands before the mail itself. */
const answerCommand = (socket: Socket, line: string) => {
  if (/^EHLO/.test(line)) socket.write('250 here\r\n')
  else if (/^(MAIL|RCPT|RSET)/.test(line)) socket.write('250 yes\r\n')
  else if (/^DATA/.test(line)) socket.write('354 go on\r\n')
}

function onLines(socket: Socket, answer: (line: string) => void): void {
  socket.write('220 here\r\n')
  socket.on('data', data => {
    for (const line of data.toString().split('\r\n')) if (line) answer(line)
  })
}

test('a mail is not sent if the server leaves before it has accepted the DATA command', async () => {
  for (const word of ['EHLO', 'MAIL', 'RCPT', 'DATA']) {
    await using script = await openScript(socket =>
      onLines(socket, line =>
        line.startsWith(word) ? socket.destroy() : answerCommand(socket, line),
      ),
    )
    const outcome = await withClient(script.url, client => client.send(mail, deadlineIn(attemptMs)))
    expect({ word, kind: outcome.kind }).toEqual({ word, kind: 'not-sent' })
  }
})

test('a mail is not sent if the server does not listen', async () => {
  const script = await openScript(() => undefined)
  await script[Symbol.asyncDispose]()
  expect(
    (await withClient(script.url, client => client.send(mail, deadlineIn(attemptMs)))).kind,
  ).toBe('not-sent')
})

test('the outcome is unknown if the server leaves after the mail, which is sent once', async () => {
  let mails = 0
  await using script = await openScript(socket =>
    onLines(socket, line => {
      if (line === '.') {
        mails += 1
        socket.destroy()
      } else answerCommand(socket, line)
    }),
  )
  expect(
    (await withClient(script.url, client => client.send(mail, deadlineIn(attemptMs)))).kind,
  ).toBe('unknown')
  expect(mails).toBe(1)
})

// nodemailer's `socketTimeout` only limits silence: single bytes would extend the attempt for ever.
test.each([
  ['after the mail', '.', 'unknown'],
  ['before the mail', 'MAIL', 'not-sent'],
  ['at the greeting', undefined, 'not-sent'],
])(
  'an attempt ends at its deadline if the server sends single bytes %s',
  async (_when, word, kind) => {
    await using script = await openScript(socket => {
      const sendBytes = () => {
        const timer = setInterval(() => socket.write('2'), 50)
        socket.on('close', () => clearInterval(timer))
      }
      if (word === undefined) return sendBytes()
      onLines(socket, line => (line.startsWith(word) ? sendBytes() : answerCommand(socket, line)))
    })
    await withClient(script.url, async client => {
      const startedMs = performance.now()
      const outcome = await client.send(mail, deadlineIn(attemptMs))
      expect(outcome.kind).toBe(kind)
      expect(performance.now() - startedMs).toBeLessThan(attemptMs + lateMs)
      await expect.poll(() => script.open.size, { timeout: lateMs }).toBe(0)
    })
  },
)

test('a mail that waits for a connection ends at its own deadline', async () => {
  await using script = await openScript(socket =>
    onLines(socket, line => (line === '.' ? undefined : answerCommand(socket, line))),
  )
  await withClient(script.url, async client => {
    const startedMs = performance.now()
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        client.send({ ...mail, messageId: `<${at}@x.invalid>` }, deadlineIn(attemptMs)),
      ),
    )
    expect(performance.now() - startedMs).toBeLessThan(2 * attemptMs + lateMs)
    expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(0)
  })
})
