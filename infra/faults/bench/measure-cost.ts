/**
 * Measures what the proxy costs without toxics; `npm run bench -- fault-proxy` runs this and keeps the
 * result. It sends small requests at a fixed rate, then reads one large answer, directly and through
 * the proxy in turn, and prints one JSON line for each. CPU is read from /proc: it needs Linux.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { waitUntil } from '../../simulators/wait-until.ts'

const requestsPerSecond = 1_500
const connectionsMax = 64
const scheduleEveryMs = 2
const clockTicksPerSecond = 100
const controlPort = 24_474
const proxyPort = 24_475
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '10' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)

type Latency = { p50Ms: number; p99Ms: number; requests: number; failed: number }

await using open = new AsyncDisposableStack()
const directory = await mkdtemp(join(tmpdir(), 'faults-bench-'))
open.defer(() => rm(directory, { recursive: true }))
const server = spawn(process.execPath, [fileURLToPath(import.meta.resolve('./serve.ts'))])
open.defer(() => void server.kill('SIGTERM'))
const upstreamPort = Number(String(await once(server.stdout, 'data')))
const proxy = await startProxy(upstreamPort)

for (let round = 1; round <= rounds; round += 1) {
  for (const [way, port] of [
    ['direct', upstreamPort],
    ['proxied', proxyPort],
  ] as const) {
    const cpuBefore = await cpuSeconds(proxy)
    const latency = await sendSmall(port)
    // The share of one core.
    const proxyCpuShare = round3(((await cpuSeconds(proxy)) - cpuBefore) / seconds)
    const bulk = await readBulk(port)
    console.log(JSON.stringify({ way, round, ...latency, proxyCpuShare, ...bulk }))
  }
}

async function startProxy(upstreamPort: number): Promise<ChildProcess> {
  const link = { name: 'bench', listen: `127.0.0.1:${proxyPort}` }
  const links = JSON.stringify([{ ...link, upstream: `127.0.0.1:${upstreamPort}` }])
  const file = join(directory, 'links.json')
  await writeFile(file, links)
  const main = fileURLToPath(import.meta.resolve('../src/main.ts'))
  const env = {
    PORT: String(controlPort),
    PROXIES_FILE: file,
    FAULT_LOG: join(directory, 'faults.jsonl'),
  }
  const child = spawn(process.execPath, [main], { env, stdio: 'ignore' })
  open.defer(() => void child.kill('SIGTERM'))
  await waitUntil('the proxy answers', () => answers(`http://127.0.0.1:${controlPort}/version`))
  return child
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    // It does not listen yet; the caller has a deadline.
    () => false,
  )
}

/** Keeps the rate whatever the answers do; the time of a request starts when it is sent. */
async function sendSmall(port: number): Promise<Latency> {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax })
  const times: number[] = []
  let sent = 0
  let failed = 0
  const started = performance.now()
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1_000) * requestsPerSecond)
    for (; sent < due; sent += 1) sendOne(port, agent, times, () => (failed += 1))
  }, scheduleEveryMs)
  const wanted = requestsPerSecond * seconds
  await waitUntil('all is sent', () => sent >= wanted, seconds * 2_000)
  clearInterval(timer)
  await waitUntil('all is answered', () => times.length + failed >= sent)
  agent.destroy()
  times.sort((a, b) => a - b)
  const at = (share: number) => round3(times[Math.floor(times.length * share)] ?? Number.NaN)
  return { p50Ms: at(0.5), p99Ms: at(0.99), requests: sent, failed }
}

function sendOne(port: number, agent: Agent, times: number[], fail: () => void): void {
  const started = performance.now()
  get({ port, host: '127.0.0.1', agent }, response => {
    response.resume().on('end', () => times.push(performance.now() - started))
  }).on('error', fail)
}

async function readBulk(port: number): Promise<{ bulkMBPerSecond: number }> {
  const started = performance.now()
  let bytes = 0
  const request = get({ port, host: '127.0.0.1', path: '/bulk', agent: false })
  const [response] = await once(request, 'response')
  for await (const chunk of response) bytes += chunk.length
  return { bulkMBPerSecond: Math.round(bytes / (performance.now() - started) / 1_000) }
}

/** User and system time of the process, from fields 14 and 15 of its stat file. */
async function cpuSeconds({ pid }: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000
}
