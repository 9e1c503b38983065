import { instancesOf } from '@nightshift/local/system/instances'
import { serviceNames } from '@nightshift/local/system/secrets'
import type { LinkedTraces } from '@nightshift/observability/trace-sink'
import { call } from '../harness/test-client.ts'
import type { TestParts } from '../harness/test-parts.ts'
import type { TestSystem } from '../harness/test-system.ts'
import { type Commit, resultHead } from '../reporting/result-head.ts'
import type { Experiment } from '../runner/experiment.ts'
import { type AtRest, runArm } from '../runner/run-arm.ts'
import { choosePayment, type RecordedPayment, type RecordedSpan } from './recorded-payment.ts'

/** One payment of each arm of an experiment: the content of `docs/replays/<name>.json`. */
export type Replay = Awaited<ReturnType<typeof resultHead>> &
  Readonly<{
    hypothesis: string
    pattern: string
    /** What `shown` counts. */
    unit: string
    arms: Readonly<Record<ReplayArm, ReplayedArm>>
  }>
export type ReplayArm = 'naive' | 'with'
type ReplayedArm = Readonly<{
  switches: object
  /** The figure of this round that the pattern makes better. */
  shown: number
  payment: RecordedPayment
}>

type ReplayOptions = Commit &
  Readonly<{
    parts: TestParts
    seed: number
    say: (line: string) => void
  }>

const seedsTried = 3

/**
 * Runs one short round of both arms with traces, and records one payment of each. If the fault showed
 * nothing in that round, another seed is tried.
 * @throws when three seeds showed nothing
 */
export async function runReplay(experiment: Experiment, options: ReplayOptions): Promise<Replay> {
  const { name, title, hypothesis, pattern, shows } = experiment
  for (let seed = options.seed; seed < options.seed + seedsTried; seed += 1) {
    const naive = await recordArm(experiment, 'naive', { ...options, seed })
    const kept = await recordArm(experiment, 'with', { ...options, seed })
    options.say(`seed ${seed}: ${naive.shown} ${shows.unit} without, ${kept.shown} with`)
    const isSeen = naive.shown - kept.shown >= shows.atLeast && !kept.isBroken
    if (!isSeen || !naive.payment || !kept.payment) continue
    const command = `npm run replay -- ${name} --seed ${seed}`
    return {
      ...(await resultHead({ name, kind: 'replay', title, command, seed }, options)),
      hypothesis,
      pattern,
      unit: shows.unit,
      arms: {
        naive: { switches: experiment.arms.naive, shown: naive.shown, payment: naive.payment },
        with: { switches: experiment.arms.with, shown: kept.shown, payment: kept.payment },
      },
    }
  }
  throw new Error(`${name} showed no difference with ${seedsTried} seeds; try another --seed.`)
}

async function recordArm(experiment: Experiment, arm: ReplayArm, options: ReplayOptions) {
  let payment: RecordedPayment | undefined
  const look = async ({ system, evidence, verdict }: AtRest) => {
    const chosen = choosePayment(evidence, verdict)
    if (chosen === undefined) return
    const { op, outOf, broken, rows, faults } = chosen
    const spans = await readSpans(system, rows.history)
    const starts = await readStarts(system, experiment)
    payment = { op, outOf, broken, rows, faults, spans, starts }
  }
  const traced = { ...experiment, run: [...experiment.run, 'trace-sink'] as const }
  const round = await runArm(traced, arm, options.parts, { seed: options.seed, short: true, look })
  const shown = round.figures[experiment.shows.figure] ?? 0
  return { shown, isBroken: round.verdict.valid === false, payment }
}

/** The spans of all traces that the requests of this payment began, in the order of time. */
async function readSpans(
  { urls }: TestSystem,
  history: RecordedPayment['rows']['history'],
): Promise<RecordedSpan[]> {
  const spans = new Map<string, RecordedSpan>()
  for (const traceId of new Set(history.map(line => line.traceId))) {
    const { status, json } = await call('GET', `${urls.traceSink}/traces/${traceId}`)
    // A request that was refused at the entrance, or whose process was killed, has no trace.
    if (status === 404) continue
    for (const span of (json as LinkedTraces).traces.flat()) spans.set(span.spanId, recorded(span))
  }
  return [...spans.values()].toSorted((a, b) => a.startMs - b.startMs)
}

/** When each process of a service began to serve. A process that was killed could not say so. */
async function readStarts(
  system: TestSystem,
  { run, replicas }: Experiment,
): Promise<RecordedPayment['starts']> {
  const starts = serviceNames
    .filter(service => run.includes(service))
    .flatMap(service =>
      (replicas ? instancesOf(service) : [service]).map(name => ({ service, name })),
    )
    .map(async ({ service, name }) => {
      const lines = (await system.logs(name)).split('\n')
      const said = lines.filter(line => line.includes('"event":"service.started"'))
      return said.map(line => ({ service, t: Date.parse(JSON.parse(line).time) }))
    })
  return (await Promise.all(starts)).flat()
}

const nanosPerMicro = 1_000n
const microsPerMs = 1_000

function recorded(span: LinkedTraces['traces'][number][number]): RecordedSpan {
  const { service, name, attributes, failed } = span
  const peer = attributes['peer.service']
  const outcome = attributes['nightshift.outcome']
  return {
    service,
    name,
    startMs: Number(BigInt(span.startNanos) / nanosPerMicro) / microsPerMs,
    endMs: Number(BigInt(span.endNanos) / nanosPerMicro) / microsPerMs,
    ...(peer !== undefined && { peer }),
    ...(outcome !== undefined && { outcome }),
    ...(failed && { failed }),
  }
}
