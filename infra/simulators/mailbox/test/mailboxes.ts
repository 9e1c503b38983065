import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Simulator, startSimulator, withToken } from '../../start-simulator.ts'

const main = new URL('../src/main.ts', import.meta.url)

/** Mail logs in a temporary directory, and the mailboxes that write them. */
export type Mailboxes = AsyncDisposable &
  Readonly<{
    /** The path of a file in the directory, whether it exists or not. */
    file: (name: string) => string
    start: (logName: string, env?: Readonly<Record<string, string>>) => Promise<Simulator>
    /** The lines of a mail log that mention the recipient, in order. */
    linesTo: (recipient: string, logName?: string) => Promise<{ type: string }[]>
  }>

export const defaultLog = 'mail.jsonl'

/** Disposing of it ends every mailbox that a test left running. */
export async function openMailboxes(): Promise<Mailboxes> {
  const open = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'mailbox-'))
  open.defer(() => rm(directory, { recursive: true }))
  const file = (name: string) => join(directory, name)
  return {
    file,
    async start(logName, env = {}) {
      const required = { SMTP_PORT: '0', MAIL_LOG: file(logName) }
      return open.adopt(await startSimulator(main, { ...required, ...env }), each => each.kill())
    },
    async linesTo(recipient, logName = defaultLog) {
      const text = await readFile(file(logName), 'utf8')
      const lines = text.split('\n').filter(line => line.includes(`"${recipient}"`))
      return lines.map(line => JSON.parse(line))
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

export function changeSettings(mailbox: Simulator, settings: object): Promise<Response> {
  return fetch(`${mailbox.url}/settings`, {
    method: 'PATCH',
    headers: { ...withToken, 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  })
}
