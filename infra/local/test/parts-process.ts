import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environmentOf } from '../src/machine.ts'
import type { Part, PartContext } from '../src/parts/part.ts'
import { findFreePorts } from '../src/ports/free-ports.ts'
import { probe } from '../src/supervisor/probe.ts'
import type { ProcessSpec } from '../src/supervisor/process-spec.ts'
import { repoRoot } from '../src/system/state.ts'
import { waitUntil } from '../src/wait-until.ts'

const probeTimeoutMs = 1_000
const stopDeadlineMs = 10_000
const removeRetries = 5

/** Downloads are shared with `npm start`, so that only a first run needs a network. */
export const toolsDir = join(repoRoot, '.nightshift/tools')

/** A throw-away place for one test. */
export async function openScratch() {
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-parts-'))
  // Retried, because the children of a killed PostgreSQL may still write their last files.
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: removeRetries })
  return { dir, [Symbol.asyncDispose]: remove }
}

export async function contextIn(dir: string, part: Part['name']): Promise<PartContext> {
  return {
    toolsDir,
    dataDir: join(dir, part),
    port: await freePort(),
    controllerPort: await freePort(),
    password: 'long & "quoted" %40',
    report: () => {},
  }
}

/** Prepares and runs a part as the supervisor does, without restarting it. */
export async function runPart(part: Part, context: PartContext) {
  const found = await part.find(context)
  if (found.how === 'missing') throw new Error(`${found.needed}: ${found.reasons.join('\n')}`)
  return runSpec(await part.start(context, found))
}

export function runSpec(spec: ProcessSpec) {
  const { PATH = '', HOME = '' } = environmentOf({})
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { PATH, HOME, ...spec.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  const ended = once(child, 'exit')
  return {
    spec,
    pid: child.pid ?? 0,
    output: () => output,
    ready: async (timeoutMs: number) => {
      const answers = () => isOver(child) || probe(spec.ready, probeTimeoutMs)
      const ok = (await waitUntil(answers, timeoutMs)) && !isOver(child)
      if (!ok) throw new Error(`${spec.name} is not ready:\n${output}`)
    },
    /** Signals the whole group, and answers how its first process ended. */
    stop: async (signal: NodeJS.Signals = spec.stopSignal) => {
      signalGroup(child, signal)
      await waitUntil(() => isOver(child), stopDeadlineMs)
      return { code: child.exitCode, signal: child.signalCode }
    },
    [Symbol.asyncDispose]: async () => {
      signalGroup(child, 'SIGKILL')
      await ended
    },
  }
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || isOver(child)) return
  process.kill(-child.pid, signal)
}

export async function freePort(): Promise<number> {
  const [port = 0] = await findFreePorts(1)
  return port
}
