import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const answerTimeoutMs = 2_000
/**
 * Test systems take these databases in turn; number 0 holds the counter. There are more than systems
 * in a run: with fifteen, a system that lived for minutes shared its cache with a newer one.
 */
export const testDatabases = 1_000
const counterKey = 'nightshift:test-databases'

/** Takes the next of Redis' numbered databases in turn and empties it. */
export async function takeRedisDatabase(redisUrl: string): Promise<string> {
  const [taken] = await ask(redisUrl, [`INCR ${counterKey}`])
  const url = `${redisUrl}/${(Number(taken?.slice(1)) % testDatabases) + 1}`
  await emptyRedisDatabase(url)
  return url
}

/** Deletes every key in the database that the URL names, and none in the others. */
export async function emptyRedisDatabase(redisUrl: string): Promise<void> {
  const database = new URL(redisUrl).pathname.slice(1) || '0'
  await ask(redisUrl, [`SELECT ${database}`, 'FLUSHDB'])
}

/** What Redis answers to one command, in the database that the URL names: one line. */
export async function askRedis(redisUrl: string, command: string): Promise<string | undefined> {
  const database = new URL(redisUrl).pathname.slice(1) || '0'
  return (await ask(redisUrl, [`SELECT ${database}`, command])).at(-1)
}

/** Sends inline commands and returns their answers, one line each. */
async function ask(redisUrl: string, commands: readonly string[]): Promise<string[]> {
  const { hostname, port, password } = new URL(redisUrl)
  const all = password === '' ? commands : [`AUTH ${decodeURIComponent(password)}`, ...commands]
  const socket = connect({ host: hostname, port: Number(port) })
  try {
    socket.setEncoding('utf8').write(all.map(command => `${command}\r\n`).join(''))
    const answers = await Promise.race([readLines(socket, all.length), tooLate()])
    return answers.slice(-commands.length)
  } finally {
    socket.destroy()
  }
}

async function readLines(chunks: AsyncIterable<string>, count: number): Promise<string[]> {
  let text = ''
  for await (const chunk of chunks) {
    text += chunk
    const lines = text.split('\r\n').slice(0, -1)
    const refusal = lines.find(line => line.startsWith('-'))
    if (refusal) throw new Error(`Redis refused: ${refusal}`)
    if (lines.length >= count) return lines
  }
  throw new Error('Redis closed the connection')
}

async function tooLate(): Promise<never> {
  await sleep(answerTimeoutMs, undefined, { ref: false })
  throw new Error(`Redis did not answer within ${answerTimeoutMs} ms`)
}
