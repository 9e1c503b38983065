import { appendFile, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Simulator } from '../../start-simulator.ts'
import { waitUntil } from '../../wait-until.ts'
import { changeSettings, defaultLog, type Mailboxes, openMailboxes } from './mailboxes.ts'

const open = new AsyncDisposableStack()
let mailboxes: Mailboxes
let mailbox: Simulator
let counter = 0

beforeAll(async () => {
  mailboxes = open.use(await openMailboxes())
  mailbox = await mailboxes.start(defaultLog)
})
afterAll(() => open.disposeAsync())

/** Creates an address that no other test in this file writes to. */
function newRecipient(): string {
  counter += 1
  return `employer-${counter}@example.test`
}

/** One open connection for each mailbox, because every new one waits 100 ms for its greeting. */
const transports = new Map<Simulator, Transporter>()

function transportTo(simulator: Simulator): Transporter {
  const known = transports.get(simulator)
  if (known !== undefined) return known
  const port = simulator.ports['smtpPort'] ?? 0
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true, pool: true })
  open.defer(() => transport.close())
  transports.set(simulator, transport)
  return transport
}

async function send(mail: SendMailOptions, on = mailbox): Promise<void> {
  const from = 'Nightshift <jobs@nightshift.test>'
  await transportTo(on).sendMail({ from, text: 'hello', ...mail })
}

// biome-ignore lint/suspicious/noExplicitAny: each test asserts on the shape of the body it requested
async function get(path: string, on = mailbox): Promise<any> {
  const response = await fetch(`${on.url}${path}`)
  return response.json()
}

async function mailsTo(to: string, on = mailbox) {
  return (await get(`/mails?to=${to}`, on)).mails
}

async function acceptancesOf(to: string): Promise<number> {
  const lines = await mailboxes.linesTo(to)
  return lines.filter(({ type }) => type === 'mail.accepted').length
}

describe('accepting mail', () => {
  test('a mail is shown as it was written, and is in the log before the sender gets an answer', async () => {
    const to = newRecipient()
    await send({ to, subject: 'Your listing is live', text: 'Two lines:\n=20 and a dot\n.\n' })
    expect(await acceptancesOf(to)).toBe(1)

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
  ])('letters beyond ASCII are decoded from %s', async (encoding, written) => {
    const to = newRecipient()
    const textEncoding = encoding as 'quoted-printable' | 'base64'
    const from = { name: 'Grüße', address: 'jobs@nightshift.test' }
    await send({ from, to, subject: written, text: written, textEncoding })
    const [mail] = await mailsTo(to)
    expect(mail.from).toBe('Grüße <jobs@nightshift.test>')
    expect(mail.subject).toBe(written)
    expect(mail.text).toBe(written)
  })

  test('of a mail with text, HTML and an attachment, the text is shown', async () => {
    const to = newRecipient()
    const attachments = [{ filename: 'note.txt', content: 'not this' }]
    await send({ to, subject: 's', text: 'the ünicode text', html: '<b>not this</b>', attachments })
    expect((await mailsTo(to))[0].text).toBe('the ünicode text')
  })

  test('a mail that is only HTML is shown as its source', async () => {
    const to = newRecipient()
    await send({ to, subject: 's', text: '', html: '<b>bold</b>' })
    expect((await mailsTo(to))[0].text).toBe('<b>bold</b>')
  })

  test('two messages without headers or Message-ID are two mails', async () => {
    const to = newRecipient()
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

  test('a message that the parser refuses is shown as it came in', async () => {
    const to = newRecipient()
    const nested = Array.from({ length: 300 }, (_, depth) => {
      const opened = depth === 0 ? '' : `--b${depth - 1}\r\n`
      return `${opened}Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n`
    })
    await send({ envelope: { from: 'jobs@nightshift.test', to: [to] }, raw: nested.join('') })
    const [mail] = await mailsTo(to)
    expect(mail).toMatchObject({ from: 'jobs@nightshift.test', subject: '', accepted: 1 })
    expect(mail.text).toContain('boundary=b299')
  })

  test('a mail above the size limit is refused and leaves no trace', async () => {
    const to = newRecipient()
    const refused = send({ to, subject: 's', text: 'x'.repeat(300 * 1024) })
    await expect(refused).rejects.toMatchObject({ responseCode: 552 })
    expect(await mailsTo(to)).toEqual([])
    expect(await acceptancesOf(to)).toBe(0)
  })
})

describe('a repeated mail', () => {
  test('is shown a single time and counted, and the log holds every acceptance', async () => {
    const to = newRecipient()
    const mail = { to, subject: 'Receipt', messageId: '<receipt-1@nightshift.test>' }
    for (let sent = 0; sent < 3; sent++) await send(mail)
    expect(await mailsTo(to)).toMatchObject([{ subject: 'Receipt', accepted: 3 }])
    expect(await acceptancesOf(to)).toBe(3)
  })

  test('is another mail when it has another recipient', async () => {
    const [first, second] = [newRecipient(), newRecipient()]
    const mail = { subject: 'Receipt', messageId: '<receipt-2@nightshift.test>' }
    await send({ ...mail, to: first })
    await send({ ...mail, to: second })
    expect(await mailsTo(first)).toMatchObject([{ accepted: 1 }])
    expect(await mailsTo(second)).toMatchObject([{ accepted: 1 }])
  })
})

test('after kill -9 the log restores all mails, and an incomplete last line is cut off', async () => {
  const name = 'killed.jsonl'
  const before = await mailboxes.start(name)
  const to = newRecipient()
  const mail = { to, subject: 'Übergabe', messageId: '<kept@nightshift.test>' }
  await send(mail, before)
  await send(mail, before)
  const shown = await mailsTo(to, before)
  await before.kill()
  const incomplete = '{"at":"2026-01-01T00:00:00.000Z","seq":3,"type":"mail.acc'
  await appendFile(mailboxes.file(name), incomplete)

  const after = await mailboxes.start(name)
  expect(await mailsTo(to, after)).toEqual(shown)
  await send(mail, after)
  expect(await mailsTo(to, after)).toMatchObject([{ subject: 'Übergabe', accepted: 3 }])
  expect(await after.stop()).toBe(0)
  const lines = (await readFile(mailboxes.file(name), 'utf8')).trimEnd().split('\n')
  expect(lines.map(line => JSON.parse(line).seq)).toEqual([1, 2, 3])
})

describe('reading', () => {
  test('pages join without a gap, and without a cursor the newest mails are listed', async () => {
    const to = newRecipient()
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

  test.each(['/mails?limit=two', '/mails?to=', '/mails?colour=red'])(
    '%s is refused',
    async path => {
      expect((await fetch(`${mailbox.url}${path}`)).status).toBe(400)
    },
  )

  test('no mail can be removed', async () => {
    for (const path of ['/mails', '/mails/mail_1']) {
      expect((await fetch(`${mailbox.url}${path}`, { method: 'DELETE' })).status).toBe(404)
    }
  })
})

describe('the page', () => {
  const types = {
    '/': 'text/html',
    '/mailbox.js': 'application/javascript',
    '/mailbox.css': 'text/css',
  }

  test.each(Object.entries(types))('%s is served as %s', async (path, type) => {
    const response = await fetch(`${mailbox.url}${path}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain(type)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('runs its own script only, and cannot set text from a mail as markup', async () => {
    const response = await fetch(mailbox.url)
    const policy = response.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).toContain("require-trusted-types-for 'script'; trusted-types 'none'")
    expect(policy).not.toContain('unsafe')
    const script = await (await fetch(`${mailbox.url}/mailbox.js`)).text()
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval/)
  })

  test('has no inline script, no inline style, no address of another server, and no mail', async () => {
    const attack = `</pre><script>alert('x')</script><img src=x onerror="alert(1)">`
    await send({ to: newRecipient(), subject: attack, text: attack, from: `"${'<b>'}" <a@b.test>` })
    const page = await (await fetch(mailbox.url)).text()
    expect(page).not.toContain('alert')
    expect(page).not.toMatch(/<script(?![^>]* src=)|<style|style=| on\w+=/)
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
  })
})

describe('settings', () => {
  test.each([
    ['now', 451],
    ['good', 550],
  ])(
    'a mail that is refused for %s is answered %i, is not shown, and is in the log as refused',
    async (refuseFor, code) => {
      const to = newRecipient()
      await changeSettings(mailbox, { refuseRate: 1, refuseFor })
      const refused = send({ to, subject: 'later' })
      await expect(refused).rejects.toMatchObject({ responseCode: code })
      await changeSettings(mailbox, { refuseRate: 0, refuseFor: 'now' })
      expect(await mailsTo(to)).toEqual([])
      expect(await mailboxes.linesTo(to)).toMatchObject([{ type: 'mail.refused', code }])
      await send({ to, subject: 'later' })
      expect(await mailsTo(to)).toHaveLength(1)
    },
  )

  test.each([
    [{ refuseRat: 1 }, 'refuseRat'],
    [{ refuseRate: 2 }, 'refuseRate'],
    [{ latencyMs: 1.5 }, 'latencyMs'],
    [{ seed: 'one' }, 'seed'],
  ])('%o is refused by name', async (settings, name) => {
    const response = await changeSettings(mailbox, settings)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(name)
    expect((await get('/settings'))[name] ?? 0).not.toBe(Object.values(settings)[0])
  })
})

test('SIGTERM ends the process while a mail waits, and its sender is asked to try again', async () => {
  const stopping = await mailboxes.start('stopping.jsonl')
  await changeSettings(stopping, { latencyMs: 30_000 })
  const socket = connect(stopping.ports['smtpPort'] ?? 0, '127.0.0.1')
  let received = ''
  socket.setEncoding('utf8').on('data', text => {
    received += text
  })
  await waitUntil('the mailbox greets', () => received.startsWith('220'))
  socket.write('EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n')
  await waitUntil('the mailbox asks for the mail', () => received.includes('\r\n354'))
  socket.write('Subject: s\r\n\r\nhello\r\n.\r\n')

  expect(await stopping.stop()).toBe(0)
  await waitUntil('the mailbox has answered', () => /\r\n4\d\d /.test(received))
})
