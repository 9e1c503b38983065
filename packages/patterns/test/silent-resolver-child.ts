/**
 * Run as a process of its own by silent-resolver.integration.test.ts, because it spoils the thread pool
 * of its process. Its arguments are `fetch` or `client`, and a FIFO.
 *
 * Nobody may break the resolver of a machine for a test. So this stands in for it: opening a FIFO that
 * has no writer holds a thread of libuv's pool, exactly as `getaddrinfo` does when no name server
 * answers.
 */
import dns from 'node:dns'
import { open, openSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { deadlineIn } from '@nightshift/runtime/process/deadline'

const [how = '', fifo = ''] = process.argv.slice(2)
const callers = 8
const threadsOfPool = 4
const statMs = 2_000
const pollMs = 10
const url = 'http://card-provider.test:8080'

let questions = 0
const noAnswer = Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' })
function ask(answer: (error: Error) => void): void {
  questions += 1
  open(fifo, 'r', () => answer(noAnswer))
}
Object.assign(dns, { lookup: (...args: unknown[]) => ask(args.at(-1) as (error: Error) => void) })
Object.assign(dns.promises, { lookup: () => new Promise((_, reject) => ask(reject)) })
syncBuiltinESMExports()

const { openHttpClient } = await import('../src/unknown-outcome/http-client.ts')
const limits = { connectionsMax: callers, connectMs: 500, answerBytesMax: 1_000 }
const { lagAwareTimer } = await import('../src/local-stall/local-stall.ts')
const client = openHttpClient(url, limits, lagAwareTimer)

async function callOnce(): Promise<string> {
  if (how === 'client') {
    return (await client.call({ method: 'GET', path: '/', deadline: deadlineIn(2_000) })).kind
  }
  return fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    () => 'answer',
    () => 'failed',
  )
}

const calls = Array.from({ length: callers }, callOnce)
// The test ends this process if they are never asked.
const expected = how === 'client' ? 1 : threadsOfPool
while (questions < expected) await sleep(pollMs)
const file = await Promise.race([stat('/').then(() => 'read'), sleep(statMs, 'not read')])
const kinds = new Set(await Promise.all(calls))
process.stdout.write(JSON.stringify({ questions, file, calls: [...kinds] }))
// A reader and writer at once: it waits for nobody, and frees all threads that wait.
openSync(fifo, 'r+')
await client.close()
