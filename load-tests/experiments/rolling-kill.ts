import { setTimeout as sleep } from 'node:timers/promises'
import { type InstanceName, instanceNames } from '@nightshift/local/system/instances'
import { serviceNames } from '@nightshift/local/system/secrets'
import { type Evidence, type HistoryLine, rowsOf } from '../auditor/evidence.ts'
import { steadyLoad } from '../harness/steady-load.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'

const killEveryMs = 5_000
const callersPerSecond = 5
const tenants = ['acme', 'northwind', 'lumen'] as const
/** A quick provider would leave hardly any payment in progress when a process is killed. */
const providerLatencyMs = 800

const naive = { PATTERN_IDEMPOTENCY_KEY: 'naive' }

/** One of the two instances is killed, so the other one gets the repeated requests. */
export const rollingKill: Experiment = {
  ...killing(instanceNames),
  name: 'rolling-kill',
  title: 'Every instance of every service is killed in turn, under load',
  arms: { with: {}, naive: { payments: naive, 'payments-2': naive } },
  replicas: 2,
}

/** The only instance is killed, so nothing answers until the supervisor has started the next one. */
export const rollingKillSingle: Experiment = {
  ...killing(serviceNames),
  name: 'rolling-kill-single',
  title: 'Every service is killed in turn, under load, and has one instance',
  arms: { with: {}, naive: { payments: naive } },
}

/** Employers publish, and repeat each request under its key until the answer is final. */
function killing(instances: readonly InstanceName[]) {
  return {
    area: 'resilience',
    pattern: 'idempotency-key',
    hypothesis: 'A caller who repeats its request gets a final answer, and is charged once.',
    run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
    size: { full: 600, short: 150 },
    method: context =>
      whileSlow(context, providerLatencyMs, () => publishWhileKilling(context, instances)),
    sometimes: [
      ...serviceNames.map(name => `crash.${name} >= 1`),
      'intent.retried >= 1',
      'payment.captured >= 1',
    ],
    figures: evidence => ({ ...countCallers(evidence), ...countPublications(evidence) }),
    shows: {
      figure: 'chargedTwice',
      of: 'publications',
      atLeast: 1,
      unit: 'publications charged more than once',
    },
  } satisfies Partial<Experiment>
}

async function publishWhileKilling(
  context: ExperimentContext,
  instances: readonly InstanceName[],
): Promise<void> {
  const { client, size } = context
  const load = steadyLoad(callersPerSecond, async number => {
    const tenant = tenants[number % tenants.length] ?? 'acme'
    const listingId = await client.draft(tenant)
    // A draft has no key, so a caller without an answer cannot repeat it and does not go on.
    if (listingId !== '') await client.publish(tenant, listingId)
  })
  do {
    for (const name of instances) await Promise.all([kill(context, name), sleep(killEveryMs)])
  } while (load.begun() < size)
  await load.stop()
}

/** Kills one instance, and waits until the supervisor has started the next one. */
async function kill({ system, recordFault }: ExperimentContext, name: InstanceName) {
  recordFault('process', 'begin', name, { signal: 'SIGKILL' })
  await system.signal(name, 'SIGKILL')
  await system.waitReady(name)
  recordFault('process', 'end', name)
}

/** What the callers were told at last, and how many of them had to repeat their request. */
function countCallers({ history }: Evidence) {
  const answers = rowsOf(history).filter(({ op, type }) => op === 'publish' && type !== 'invoke')
  const attempts = [...Map.groupBy(answers, ({ key }) => key).values()]
  const isFinal = ({ type }: HistoryLine) => type === 'ok'
  return {
    callers: attempts.length,
    callersWhoRepeated: attempts.filter(({ length }) => length > 1).length,
    withoutFinalAnswer: attempts.filter(lines => !lines.some(isFinal)).length,
  }
}

/** How many publications the provider charged for, and how many of them more than once. */
function countPublications({ provider, publications }: Evidence) {
  const charges = Map.groupBy(
    rowsOf(provider).filter(({ type }) => type === 'intent.succeeded'),
    ({ publicationId }) => publicationId,
  )
  return {
    publications: charges.size,
    chargedTwice: [...charges.values()].filter(({ length }) => length > 1).length,
    live: rowsOf(publications).filter(({ status }) => status === 'published').length,
  }
}
