import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { followFile } from '@nightshift/local/follow-file'
import type { Found } from '@nightshift/local/parts/part'
import { readIfThere } from '@nightshift/local/read-if-there'
import { k6Command } from './k6-command.ts'
import { type LiveNumbers, liveNumbersOf } from './live-numbers.ts'
import type { Summary } from './summary.ts'

export const scenarioNames = ['baseline', 'spike', 'soak', 'three-in-the-morning'] as const
export type ScenarioName = (typeof scenarioNames)[number]

export type K6Run = Readonly<{
  /** The result of `findK6`. */
  k6: Found
  scenario: ScenarioName
  /** The settings of the run, as `readSettings` reads them. */
  env: Readonly<Record<string, string>>
  /** An existing file is deleted: each run has a history of its own. */
  historyFile: string
  summaryFile: string
  /** The report of k6 itself. */
  htmlFile?: string
  /** Stops k6 early. There is still a summary of what it measured until then. */
  signal?: AbortSignal
  /** A run that takes longer is stopped. Unset: as long as its SECONDS say, and a minute. */
  deadlineMs?: number
  /** Called about once a second, with the numbers since the last call. */
  onProgress?: (numbers: LiveNumbers) => void
}>

export type K6Result = Readonly<{
  /** From k6: 0, 99 for a crossed threshold, 105 for a stop, 107 for a failed script. */
  exitCode: number
  /** Undefined when k6 ended before it wrote one. */
  summary: Summary | undefined
  /** The end of k6's output, without the history. */
  output: string
}>

/** Longer than any scenario takes of itself. */
const longestSeconds = 3_600
/** k6 starts, and the last visitors stay until they are served or have lost patience. */
const reserveMs = 60_000
/** k6 gets this long to end its iterations and to write the summary. Then it is killed. */
const stopGraceMs = 15_000
const progressMs = 1_000
const outputMaxCharacters = 8_000
/** `followFile` returns a megabyte at a time, so this is more than k6 can write in a second. */
const chunksMax = 64

/** Runs a scenario to its end. @throws when k6 cannot start */
export async function runK6(run: K6Run): Promise<K6Result> {
  const { historyFile, summaryFile, htmlFile } = run
  for (const file of [historyFile, summaryFile, ...(htmlFile ? [htmlFile] : [])]) {
    await mkdir(dirname(file), { recursive: true })
    await rm(file, { force: true })
  }
  const { command, args, env } = k6Command(run.k6, {
    script: join(import.meta.dirname, `${run.scenario}.ts`),
    historyFile,
    summaryFile,
    htmlFile,
    env: run.env,
  })
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const over = new AbortController()
  const outputSoFar = collectOutput(child)
  const progress = followProgress(run, over.signal)
  const stopping = stopOnSignal(child, run, over.signal)
  try {
    const [code] = await once(child, 'close')
    return {
      exitCode: typeof code === 'number' ? code : 1,
      summary: await readSummary(summaryFile),
      output: outputSoFar(),
    }
  } finally {
    over.abort()
    await Promise.all([progress, stopping])
  }
}

/** Sends SIGINT, on which k6 writes its summary, and SIGKILL if k6 does not end. */
async function stopOnSignal(child: ChildProcess, run: K6Run, over: AbortSignal): Promise<void> {
  const asSettingsSay = Number(run.env['SECONDS'] ?? longestSeconds) * 1_000 + reserveMs
  const deadline = AbortSignal.timeout(run.deadlineMs ?? asSettingsSay)
  const stop = AbortSignal.any([deadline, over, ...(run.signal ? [run.signal] : [])])
  if (!stop.aborted) await once(stop, 'abort')
  if (over.aborted) return
  child.kill('SIGINT')
  await sleep(stopGraceMs, undefined, { signal: over }).catch(() => undefined) // k6 has ended
  if (!over.aborted) child.kill('SIGKILL')
}

async function followProgress({ historyFile, onProgress }: K6Run, over: AbortSignal) {
  if (onProgress === undefined) return
  const follower = followFile(historyFile, 0)
  for (let isOver = false; !isOver; ) {
    await sleep(progressMs, undefined, { signal: over }).catch(() => undefined) // the run is over
    isOver = over.aborted // one more turn reads the last lines
    const lines: string[] = []
    for (let chunk = 0; chunk < chunksMax; chunk += 1) {
      const more = await follower.next()
      if (more.length === 0) break
      lines.push(...more)
    }
    if (lines.length > 0) onProgress(liveNumbersOf(lines))
  }
}

function collectOutput(child: ChildProcess): () => string {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', text => {
      output = (output + text).slice(-outputMaxCharacters)
    })
  }
  return () => output.trim()
}

async function readSummary(file: string): Promise<Summary | undefined> {
  const text = await readIfThere(file)
  return text === undefined ? undefined : (JSON.parse(text) as Summary)
}
