import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { followFile } from '@nightshift/local/follow-file'
import type { Found } from '@nightshift/local/parts/part'
import { k6Command } from './k6-command.ts'
import { type LiveNumbers, liveNumbersOf } from './live-numbers.ts'
import type { Summary } from './summary.ts'

export const scenarioNames = ['baseline', 'spike', 'soak', 'three-in-the-morning'] as const
export type ScenarioName = (typeof scenarioNames)[number]

export type K6Run = Readonly<{
  /** As `findK6` found it. */
  k6: Found
  scenario: ScenarioName
  /** The settings of the run; `readSettings` says which there are. */
  env: Readonly<Record<string, string>>
  /** Begun anew: one run, one history. */
  historyFile: string
  summaryFile: string
  /** k6's own report, for people. */
  htmlFile?: string
  /** Stops k6 early. What it measured until then is still summed up. */
  signal?: AbortSignal
  /** After it the run counts as stuck, and is stopped. */
  deadlineMs?: number
  /** Called about once a second with what has happened since the call before. */
  onProgress?: (numbers: LiveNumbers) => void
}>

export type K6Result = Readonly<{
  /** k6's: 0, 99 when a threshold was crossed, 105 when it was stopped, 107 when the script failed. */
  exitCode: number
  /** Absent when k6 did not get as far as that. */
  summary: Summary | undefined
  /** The end of what k6 said. The history is not in it. */
  said: string
}>

/** Longer than every scenario is by itself. */
const defaultDeadlineMs = 3_600_000
/** Time to end iterations and to write the summary; then k6 is killed. */
const stopGraceMs = 15_000
const progressMs = 1_000
const saidMaxCharacters = 8_000
/** Of `followFile`, which hands out a megabyte at a time: more than k6 can write in a second. */
const chunksMax = 64

/** Runs a scenario to its end. @throws when k6 cannot be started */
export async function runK6(run: K6Run): Promise<K6Result> {
  const { historyFile, summaryFile, htmlFile } = run
  for (const file of [historyFile, summaryFile, ...(htmlFile ? [htmlFile] : [])]) {
    await mkdir(dirname(file), { recursive: true })
    await rm(file, { force: true })
  }
  const { command, args, env } = k6Command(run.k6, {
    script: join(import.meta.dirname, `${run.scenario}.ts`),
    ...{ historyFile, summaryFile, htmlFile, env: run.env },
  })
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const over = new AbortController()
  const said = listen(child)
  const progress = followProgress(run, over.signal)
  const stopping = stopWhenAsked(child, run, over.signal)
  try {
    const [code] = await once(child, 'close')
    return {
      exitCode: typeof code === 'number' ? code : 1,
      summary: await readSummary(summaryFile),
      said: said(),
    }
  } finally {
    over.abort()
    await Promise.all([progress, stopping])
  }
}

/** SIGINT, on which k6 writes its summary, and SIGKILL when it does not end. */
async function stopWhenAsked(child: ChildProcess, run: K6Run, over: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(run.deadlineMs ?? defaultDeadlineMs)
  const asked = AbortSignal.any([deadline, over, ...(run.signal ? [run.signal] : [])])
  if (!asked.aborted) await once(asked, 'abort')
  if (over.aborted) return
  child.kill('SIGINT')
  await sleep(stopGraceMs, undefined, { signal: over }).catch(() => undefined) // it has ended
  if (!over.aborted) child.kill('SIGKILL')
}

async function followProgress({ historyFile, onProgress }: K6Run, over: AbortSignal) {
  if (onProgress === undefined) return
  const follower = followFile(historyFile, 0)
  for (let isOver = false; !isOver; ) {
    await sleep(progressMs, undefined, { signal: over }).catch(() => undefined) // the run is over
    isOver = over.aborted // and what it wrote last is still to be read
    const lines: string[] = []
    for (let chunk = 0; chunk < chunksMax; chunk += 1) {
      const more = await follower.next()
      if (more.length === 0) break
      lines.push(...more)
    }
    if (lines.length > 0) onProgress(liveNumbersOf(lines))
  }
}

function listen(child: ChildProcess): () => string {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', text => {
      said = (said + text).slice(-saidMaxCharacters)
    })
  }
  return () => said.trim()
}

async function readSummary(file: string): Promise<Summary | undefined> {
  const text = await readFile(file, 'utf8').catch(error => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : (JSON.parse(text) as Summary)
}
