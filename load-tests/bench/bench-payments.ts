import pg from 'pg'
import { openThrowAwayParts, type TestParts } from '../harness/test-parts.ts'
import type { Figures } from '../reporting/figures.ts'
import type { Bench } from './bench.ts'
import { type Contender, type ContenderOptions, openContender } from './contender.ts'
import { startInstantProvider } from './instant-provider.ts'
import { findPgbench } from './pgbench.ts'
import { openPgbench } from './pgbench-contender.ts'

const connections = 64
const connectionsMany = 256

const naive = (...names: string[]) =>
  Object.fromEntries(names.map(name => [`PATTERN_${name}`, 'naive']))

/** The services that are compared: payments with these switches, each on a private database. */
const contenders = {
  nightshift: {},
  unbatched: naive('NATURAL_BATCHING'),
  // Explicit transactions with one unnamed statement after the other.
  tutorial: { PATTERN_NATURAL_BATCHING: 'step-by-step' },
  // Without keys there are neither batches nor fencing, so those two switches would have no effect.
  withoutPatterns: naive(
    'IDEMPOTENCY_KEY',
    'UNKNOWN_OUTCOME',
    'DURABLE_REFUND',
    'WEBHOOK_HINT',
    'RECONCILER',
    'OUTBOX',
  ),
} as const satisfies Record<string, Record<string, string>>

type Arm = Readonly<{ name: string; measure: (seconds: number) => Promise<Figures> }>

/** Each ratio divides the speed of the first arm by that of the second. */
const ratios = {
  overPgbench: ['nightshift', 'pgbench'],
  overPgbenchAt256: ['nightshiftAt256', 'pgbench'],
  overUnbatched: ['nightshift', 'unbatched'],
  overTutorial: ['nightshift', 'tutorial'],
  overTutorialAt256: ['nightshiftAt256', 'tutorialAt256'],
  overWithoutPatterns: ['nightshift', 'withoutPatterns'],
  duplicatesOverFirst: ['duplicates', 'nightshift'],
  slowFsyncOverFast: ['slowFsync', 'nightshift'],
} as const

/** How many payments per second are possible when the provider takes no time. */
export const benchPayments: Bench = {
  name: 'payments',
  result: 'bench-payments',
  title: 'Payments per second, with and without the patterns',
  targets: [
    { ratio: 'overPgbench', atLeast: 0.9 },
    { ratio: 'overTutorial', atLeast: 5 },
    { ratio: 'overWithoutPatterns', atLeast: 0.75 },
    { ratio: 'duplicatesOverFirst', atLeast: 2 },
    { ratio: 'slowFsyncOverFast', atLeast: 0.6 },
  ],
  async measure({ rounds, seconds, say }) {
    await using open = new AsyncDisposableStack()
    const provider = open.use(await startInstantProvider())
    const { parts } = open.use(await openThrowAwayParts())
    const arms = await openArms(open, { parts, providerUrl: provider.url, say })
    const figures: Record<string, Figures[]> = {}
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, measure } of arms) {
        const measured = await measure(seconds)
        const { perSecond, p99Ms } = measured
        say(`round ${round} of ${rounds}, ${name}: ${perSecond} per second, p99 ${p99Ms ?? '-'} ms`)
        figures[name] = [...(figures[name] ?? []), measured]
      }
    }
    return { arms: figures, ratios: ratiosOf(figures) }
  },
}

type ArmsOptions = Omit<ContenderOptions, 'switches'> &
  Readonly<{ parts: TestParts; say: (line: string) => void }>

/** All contenders are open from the first round to the last. Those that are not measured are idle. */
async function openArms(open: AsyncDisposableStack, options: ArmsOptions): Promise<Arm[]> {
  const { parts, say } = options
  const enter = async (name: keyof typeof contenders) =>
    open.use(await openContender({ ...options, switches: contenders[name] }))
  const nightshift = await enter('nightshift')
  const unbatched = await enter('unbatched')
  const tutorial = await enter('tutorial')
  const withoutPatterns = await enter('withoutPatterns')
  const at = (name: string, contender: Contender, count = connections): Arm => ({
    name,
    measure: seconds => contender.run({ connections: count, seconds }),
  })
  return [
    at('nightshift', nightshift),
    ...(await pgbenchArms(open, { parts, say, like: nightshift })),
    at('unbatched', unbatched),
    at('tutorial', tutorial),
    at('withoutPatterns', withoutPatterns),
    {
      name: 'duplicates',
      measure: seconds => nightshift.run({ connections, seconds, duplicates: true }),
    },
    {
      name: 'slowFsync',
      measure: seconds =>
        withSlowFsync(parts.postgresUrl, () => nightshift.run({ connections, seconds })),
    },
    at('nightshiftAt256', nightshift, connectionsMany),
    at('unbatchedAt256', unbatched, connectionsMany),
    at('tutorialAt256', tutorial, connectionsMany),
  ]
}

async function pgbenchArms(
  open: AsyncDisposableStack,
  { parts, say, like }: Pick<ArmsOptions, 'parts' | 'say'> & { like: Contender },
): Promise<Arm[]> {
  const program = await findPgbench()
  if (program === undefined) {
    say('pgbench is not on the PATH, so there is no limit of the database to compare with')
    return []
  }
  const pgbench = open.use(await openPgbench({ parts, program, like }))
  return [{ name: 'pgbench', measure: seconds => pgbench.run(seconds) }]
}

const addedFsyncMicros = 1_000

/**
 * Makes PostgreSQL sleep before each flush of its log, as if it waited for a slower disk. Transactions
 * that commit meanwhile share the flush.
 */
async function withSlowFsync<T>(postgresUrl: string, work: () => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: postgresUrl })
  await admin.connect()
  const set = async (micros: number) => {
    await admin.query(`ALTER SYSTEM SET commit_delay = ${micros}`)
    await admin.query('ALTER SYSTEM SET commit_siblings = 0')
    await admin.query('SELECT pg_reload_conf()')
  }
  try {
    await set(addedFsyncMicros)
    return await work()
  } finally {
    await set(0)
    await admin.end()
  }
}

function ratiosOf(figures: Readonly<Record<string, readonly Figures[]>>) {
  const speeds = (arm: string) => figures[arm]?.map(({ perSecond = 0 }) => perSecond) ?? []
  return Object.fromEntries(
    Object.entries(ratios)
      .filter(([, [, divisor]]) => speeds(divisor).length > 0)
      .map(([name, [arm, divisor]]) => {
        const divisors = speeds(divisor)
        return [name, speeds(arm).map((speed, round) => speed / (divisors[round] ?? Number.NaN))]
      }),
  )
}
