import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../start-simulator.ts'
import { waitUntil } from '../../wait-until.ts'

const main = new URL('../src/main.ts', import.meta.url)

let directory: string
let mailbox: Simulator
let counter = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mailbox-'))
  mailbox = await start(logAt('mail.jsonl'))
})

afterAll(async () => {
  for (const transport of transports.values()) transport.close()
  await mailbox.stop()
  await rm(directory, { recursive: true })
})

function logAt(name: string): string {
  return join(directory, name)
}

function start(mailLog: string): Promise<Simulator> {
  return startSimulator(main, { SMTP_PORT: '0', MAIL_LOG: mailLog })
}

/** An address nobody else in this file writes to. */
function someone(): string {
  counter += 1
  return `employer-${counter}@example.test`
}

/** One connection for each mailbox, kept open: a new one costs 100 ms of greeting. */
const transports = new Map<Simulator, Transporter>()

function transportTo(simulator: Simulator): Transporter {
  const known = transports.get(simulator)
  if (known !== undefined) return known
  const port = simulator.ports['smtpPort'] ?? 0
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true, pool: true })
  transports.set(simulator, transport)
  return transport
}

async function send(mail: SendMailOptions, on = mailbox): Promise<void> {
  const from = 'Nightshift <jobs@nightshift.test>'
  await transportTo(on).sendMail({ from, text: 'hello', ...mail })
}

// biome-ignore lint/suspicious/noExplicitAny: each test asserts on the shape of the body it asked for
async function get(path: string, on = mailbox): Promise<any> {
  const response = await fetch(`${on.url}${path}`)
  return response.json()
}

async function mailsTo(to: string, on = mailbox) {
  return (await get(`/mails?to=${to}`, on)).mails
}

function turn(settings: object, on = mailbox): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${on.url}/settings`, { method: 'PATCH', headers, body: JSON.stringify(settings) })
}

async function acceptancesIn(mailLog: string, to: string): Promise<number> {
  const lines = (await readFile(mailLog, 'utf8')).trimEnd().split('\n')
  return lines.filter(line => line.includes('"mail.accepted"') && line.includes(to)).length
}

describe('taking mail', () => {
  test('a mail is shown as it was written, and in the log before the sender hears of it', async () => {
    const to = someone()
    await send({ to, subject: 'Your listing is live', text: 'Two lines:\n=20 and a dot\n.\n' })
    expect(await acceptancesIn(logAt('mail.jsonl'), to)).toBe(1)

    const [mail] = await mailsTo(to)
    expect(mail).toMatchObject({
      from: 'Nightshift <jobs@nightshift.test>',
      to: [to],
      subject: 'Your listing is live',
      text: 'Two lines:\n=20 and a dot\n.',
      accepted: 1,
    })
    expect(mail.messageId).toMatch(/^<.+>$/)
    expect(await get(`/mails/${mail.id}`)).toEqual(mail)
  })

  test.each([
    ['quoted-printable', 'Grüße aus Málaga: 3 € für Ænema, and a long tail. '.repeat(12).trim()],
    ['base64', '夜勤の求人が公開されました。'.repeat(20)],
  ])('letters beyond ASCII arrive whole in %s', async (encoding, written) => {
    const to = someone()
    const textEncoding = encoding as 'quoted-printable' | 'base64'
    await send({ to, subject: written, text: written, textEncoding })
    const [mail] = await mailsTo(to)
    expect(mail.subject).toBe(written)
    expect(mail.text).toBe(written)
  })

  test('of a mail in text and HTML with an attachment, the text is shown', async () => {
    const to = someone()
    const attachments = [{ filename: 'note.txt', content: 'not this' }]
    await send({ to, subject: 's', text: 'the ünicode text', html: '<b>not this</b>', attachments })
    expect((await mailsTo(to))[0].text).toBe('the ünicode text')
  })

  test('a mail of HTML alone is shown as its source', async () => {
    const to = someone()
    await send({ to, subject: 's', text: '', html: '<b>bold</b>' })
    expect((await mailsTo(to))[0].text).toBe('<b>bold</b>')
  })

  test('a message without headers or Message-ID is taken as it is', async () => {
    const to = someone()
    const envelope = { from: 'jobs@nightshift.test', to: [to] }
    await send({ envelope, raw: '\r\njust text\r\n\r\nand more' })
    await send({ envelope, raw: '\r\njust text\r\n\r\nand more' })
    const mails = await mailsTo(to)
    expect(mails).toHaveLength(2)
    expect(mails[0]).toMatchObject({
      messageId: null,
      from: 'jobs@nightshift.test',
      subject: '',
      text: 'just text\n\nand more',
    })
  })

  test('a mail above the limit is refused and leaves no trace', async () => {
    const to = someone()
    const refused = send({ to, subject: 's', text: 'x'.repeat(300 * 1024) })
    await expect(refused).rejects.toMatchObject({ responseCode: 552 })
    expect(await mailsTo(to)).toEqual([])
    expect(await acceptancesIn(logAt('mail.jsonl'), to)).toBe(0)
  })
})

describe('the same mail again', () => {
  test('is shown a single time and counted, and the log holds every acceptance', async () => {
    const to = someone()
    const mail = { to, subject: 'Receipt', messageId: '<receipt-1@nightshift.test>' }
    for (let sent = 0; sent < 3; sent++) await send(mail)
    expect(await mailsTo(to)).toMatchObject([{ subject: 'Receipt', accepted: 3 }])
    expect(await acceptancesIn(logAt('mail.jsonl'), to)).toBe(3)
  })

  test('to somebody else is another mail', async () => {
    const [first, second] = [someone(), someone()]
    const mail = { subject: 'Receipt', messageId: '<receipt-2@nightshift.test>' }
    await send({ ...mail, to: first })
    await send({ ...mail, to: second })
    expect(await mailsTo(first)).toMatchObject([{ accepted: 1 }])
    expect(await mailsTo(second)).toMatchObject([{ accepted: 1 }])
  })
})

describe('the log', () => {
  test('is all that survives kill -9, and a torn last line is cut off', async () => {
    const mailLog = logAt('killed.jsonl')
    const before = await start(mailLog)
    const to = someone()
    const mail = { to, subject: 'Übergabe', messageId: '<kept@nightshift.test>' }
    await send(mail, before)
    await send(mail, before)
    const shown = await mailsTo(to, before)
    await before.kill()
    await appendFile(mailLog, '{"at":"2026-01-01T00:00:00.000Z","seq":3,"type":"mail.acc')

    const after = await start(mailLog)
    expect(await mailsTo(to, after)).toEqual(shown)
    await send(mail, after)
    expect(await mailsTo(to, after)).toMatchObject([{ subject: 'Übergabe', accepted: 3 }])
    expect(await after.stop()).toBe(0)
    const lines = (await readFile(mailLog, 'utf8')).trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line).seq)).toEqual([1, 2, 3])
  })
})

describe('reading', () => {
  test('pages join without a gap, and without a cursor the newest come', async () => {
    const to = someone()
    for (let n = 1; n <= 5; n++) await send({ to, subject: `mail ${n}` })
    const subjects: string[] = []
    let after = 0
    for (let pages = 0; pages < 3; pages++) {
      const page = await get(`/mails?to=${to}&limit=2&after=${after}`)
      subjects.push(...page.mails.map((mail: { subject: string }) => mail.subject))
      after = page.nextAfter
    }
    expect(subjects).toEqual(['mail 1', 'mail 2', 'mail 3', 'mail 4', 'mail 5'])
    expect(await get(`/mails?to=${to}&after=${after}`)).toEqual({ mails: [], nextAfter: after })
    const { mails } = await get(`/mails?to=${to}&limit=2`)
    expect(mails).toMatchObject([{ subject: 'mail 4' }, { subject: 'mail 5' }])
  })

  test('markup in a mail is shown as text, and the page may run nothing but its own script', async () => {
    const attack = `</pre><script>alert('x')</script><img src=x onerror="alert(1)">`
    await send({ to: someone(), subject: attack, text: attack, from: `"${'<b>'}" <a@b.test>` })
    const response = await fetch(mailbox.url)
    const page = await response.text()
    expect(page).toContain('&lt;script&gt;alert(&#39;x&#39;)')
    expect(page).not.toContain('<script>alert')
    expect(page).not.toContain('<img')
    const policy = response.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'; script-src 'sha256-")
    expect(policy).not.toContain('unsafe')
  })

  test('no mail can be removed', async () => {
    for (const path of ['/mails', '/mails/mail_1']) {
      expect((await fetch(`${mailbox.url}${path}`, { method: 'DELETE' })).status).toBe(404)
    }
  })
})

describe('settings', () => {
  test('a refused mail is answered 451, is not shown, and is in the log as refused', async () => {
    const to = someone()
    await turn({ refuseRate: 1 })
    const refused = send({ to, subject: 'later' })
    await expect(refused).rejects.toMatchObject({ responseCode: 451 })
    await turn({ refuseRate: 0 })
    expect(await mailsTo(to)).toEqual([])
    expect(await readFile(logAt('mail.jsonl'), 'utf8')).toContain(`"to":["${to}"],"code":451`)
    await send({ to, subject: 'later' })
    expect(await mailsTo(to)).toHaveLength(1)
  })

  test.each([
    [{ refuseRat: 1 }, 'refuseRat'],
    [{ refuseRate: 2 }, 'refuseRate'],
    [{ latencyMs: 1.5 }, 'latencyMs'],
    [{ seed: 'one' }, 'seed'],
  ])('%o is refused by name', async (settings, name) => {
    const response = await turn(settings)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(name)
    expect((await get('/settings'))[name] ?? 0).not.toBe(Object.values(settings)[0])
  })
})

test('SIGTERM ends it while a mail waits, and the sender is told to try again', async () => {
  const stopping = await start(logAt('stopping.jsonl'))
  await turn({ latencyMs: 30_000 }, stopping)
  const socket = connect(stopping.ports['smtpPort'] ?? 0, '127.0.0.1')
  let heard = ''
  socket.setEncoding('utf8').on('data', text => {
    heard += text
  })
  await waitUntil('it greets', () => heard.startsWith('220'))
  socket.write('EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n')
  await waitUntil('it asks for the mail', () => heard.includes('\r\n354'))
  socket.write('Subject: s\r\n\r\nhello\r\n.\r\n')

  expect(await stopping.stop()).toBe(0)
  await waitUntil('it has answered', () => /\r\n4\d\d /.test(heard))
})
