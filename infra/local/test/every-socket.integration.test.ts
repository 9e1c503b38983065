import { readdir, readFile, readlink } from 'node:fs/promises'
import { request } from 'node:http'
import { testControl } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { isMissing } from '../src/read-if-there.ts'
import { identify, readProcessTable } from '../src/supervisor/process-table.ts'
import { membersOf } from '../src/supervisor/process-tree.ts'
import { processNames } from '../src/system/topology.ts'

/**
 * Every port that a started system listens on, found at the kernel and not in our own lists, and what a
 * page in a browser or another user of the machine gets from it. A process that opens one more port
 * fails here until it has a line.
 */
const expected: Readonly<Record<string, readonly Answers[]>> = {
  // Each of its requests needs the token of the state directory.
  supervisor: ['serves nothing without a key'],
  console: ['refuses strangers'],
  // The API for everybody, and the port for operations.
  payments: ['refuses strangers', 'serves nothing without a key'],
  listings: ['refuses strangers', 'serves nothing without a key'],
  notifications: ['refuses strangers', 'serves nothing without a key'],
  'card-provider': ['refuses strangers'],
  mailbox: ['refuses strangers', 'speaks no HTTP'],
  'trace-sink': ['refuses strangers'],
  // Its own port, and the links: what is behind them answers.
  faults: ['refuses strangers', 'serves nothing without a key', 'speaks no HTTP'],
  // Passwords: role-attempts and parts-redis have the attempts. Kafka has none yet, see SECURITY.md.
  postgres: ['speaks no HTTP'],
  redis: ['speaks no HTTP'],
  kafka: ['speaks no HTTP'],
}

type Answers = 'refuses strangers' | 'serves nothing without a key' | 'speaks no HTTP'
type Socket = Readonly<{ owner: string; address: string; port: number }>

const answerMs = 5_000

describe.runIf(process.platform === 'linux')('every listening socket', () => {
  let system: TestSystem
  let sockets: readonly Socket[] = []
  beforeAll(async () => {
    system = await openTestSystem({
      parts: inject('parts'),
      run: [...processNames, 'console'],
      links: true,
    })
    sockets = await listeningSockets(system)
  })
  afterAll(() => system[Symbol.asyncDispose]())

  test('is out of reach for other machines', () => {
    const open = sockets.filter(({ address }) => !isLoopback(address))
    expect(open).toEqual([])
  })

  test('is one of those that are known', () => {
    const owners = [...new Set(sockets.map(({ owner }) => owner))]
    expect(owners.toSorted()).toEqual(Object.keys(expected).toSorted())
  })

  test.each(Object.entries(expected))('of %s answers a stranger: %j', async (owner, answers) => {
    const own = sockets.filter(socket => socket.owner === owner)
    const seen = await Promise.all(own.map(({ port }) => answersOf(port)))
    expect([...new Set(seen)].toSorted()).toEqual([...answers].toSorted())
  })
})

/** What a browser sends for a page of a stranger, without asking first. */
const attempts = [
  { title: 'after DNS rebinding', headers: { host: 'evil.example' } },
  { title: 'from another origin', headers: { origin: 'https://evil.example' } },
  {
    title: 'a form of another origin',
    method: 'POST',
    headers: { origin: 'https://evil.example', 'content-type': 'text/plain' },
    body: '{"reset":true}',
  },
]

async function answersOf(port: number): Promise<Answers | string> {
  const answers = await Promise.all(attempts.map(attempt => send(port, attempt)))
  if (answers.every(answer => answer === undefined)) return 'speaks no HTTP'
  const known = answers.filter(answer => answer !== undefined)
  const isReadable = known.some(({ allowsOrigin }) => allowsOrigin)
  if (isReadable) return `${port} lets pages of strangers read its answers`
  if (known.every(({ status }) => status === 403)) return 'refuses strangers'
  if (known.every(({ status }) => status >= 400)) return 'serves nothing without a key'
  return `${port} answered ${known.map(({ status }) => status)}`
}

/** Undefined: the answer is none of HTTP, or there is none. */
function send(
  port: number,
  { method = 'GET', headers, body }: Omit<(typeof attempts)[number], 'title'>,
): Promise<{ status: number; allowsOrigin: boolean } | undefined> {
  return new Promise(resolve => {
    const options = { host: '127.0.0.1', port, method, headers, timeout: answerMs }
    const sending = request(options, answer => {
      answer.resume()
      const allowsOrigin = answer.headers['access-control-allow-origin'] !== undefined
      resolve({ status: answer.statusCode ?? 0, allowsOrigin })
    })
    sending.on('timeout', () => sending.destroy())
    sending.on('error', () => resolve(undefined)).end(body)
  })
}

/** The sockets of this system, of the parts that all tests share, and of their supervisor. */
async function listeningSockets({ prefix }: TestSystem): Promise<Socket[]> {
  const { pid, processes } = await testControl(inject('parts')).status()
  const own = `${prefix.replace(/\.$/, '')}_`
  const owners = processes
    .filter(({ name, kind }) => kind === 'part' || name.startsWith(own))
    .map(({ name, pid: root = 0 }) => ({ owner: name.replace(own, ''), root }))
  const listening = await readListening()
  const table = await readProcessTable()
  const found: Socket[] = []
  for (const { owner, root } of owners) {
    const identity = await identify(root)
    const members = identity ? membersOf({ root: identity, seen: [] }, table) : []
    for (const member of members) found.push(...(await socketsOf(owner, member.pid, listening)))
  }
  return [...found, ...(await socketsOf('supervisor', pid, listening))]
}

async function socketsOf(
  owner: string,
  pid: number,
  listening: ReadonlyMap<string, { address: string; port: number }>,
): Promise<Socket[]> {
  const directory = `/proc/${pid}/fd`
  const sockets: Socket[] = []
  for (const file of await readdir(directory).catch(orNone)) {
    const target = await readlink(`${directory}/${file}`).catch(orNone)
    const socket = listening.get(String(target))
    if (socket) sockets.push({ owner, ...socket })
  }
  return sockets
}

/** A process or a file of it may be gone since it was listed. */
function orNone(error: unknown): never[] {
  if (isMissing(error)) return []
  throw error
}

const listenState = '0A'

/** The listening sockets of the machine by the name of their inode (proc(5), /proc/net/tcp). */
async function readListening() {
  const byName = new Map<string, { address: string; port: number }>()
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const lines = (await readFile(file, 'utf8')).trim().split('\n').slice(1)
    for (const line of lines) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
      const [address = '', port = ''] = local.split(':')
      if (state !== listenState) continue
      byName.set(`socket:[${inode}]`, { address, port: Number.parseInt(port, 16) })
    }
  }
  return byName
}

/** 127.0.0.0/8 and ::1, also as IPv4 in IPv6, in the words of four bytes in which the kernel writes them. */
function isLoopback(address: string): boolean {
  const isV4 = address.length === 8 || address.startsWith('0000000000000000FFFF0000')
  return isV4 ? address.endsWith('7F') : address === '00000000000000000000000001000000'
}
