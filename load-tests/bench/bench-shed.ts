import { openThrowAwayParts, type TestParts } from '../harness/test-parts.ts'
import { openTestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/figures.ts'
import type { Bench } from './bench.ts'
import { type Loop, runClosedLoop } from './closed-loop.ts'
import { startInstantProvider } from './instant-provider.ts'
import { paymentRequests } from './payment-requests.ts'
import { processorMs } from './processor-time.ts'

const connections = 64
/** What the provider takes of the services that have to refuse the rest. */
const ratedPerSecond = 20
/** Above what is measured, so that no limit of the tenant is met. */
const unlimitedPerSecond = 100_000
/**
 * The same load runs for this long before each measurement. Meanwhile the door learns the quota, and
 * the job finishes what was begun before it knew: a full backlog would refuse everything else.
 */
const warmUpSeconds = 10

const timesRated = [1, 10, 30, 100] as const

/** The services that are measured. They differ in what keeps a payment from being taken. */
const services = {
  accepted: { quotaPerSecond: 0, perTenantPerSecond: unlimitedPerSecond },
  shed: { quotaPerSecond: ratedPerSecond, perTenantPerSecond: unlimitedPerSecond },
  limited: { quotaPerSecond: 0, perTenantPerSecond: ratedPerSecond },
} as const

type ServiceName = keyof typeof services
type Service = Readonly<{
  run: (seconds: number, perSecond?: number) => Promise<Loop & { usedMs: number }>
}>

/**
 * What a refusal at the entrance costs, compared with a payment. A service that refuses cheaply serves
 * as many as before, however many come.
 */
export const benchShed: Bench = {
  name: 'shed',
  result: 'bench-shed',
  title: 'Processor time of a refusal, and payments taken at a multiple of the rated load',
  targets: [
    { ratio: 'shedOverAccepted', atMost: 0.15 },
    { ratio: 'limitedOverAccepted', atMost: 0.15 },
    { ratio: 'keptAt10', atLeast: 0.9 },
    { ratio: 'keptAt30', atLeast: 0.9 },
    { ratio: 'keptAt100', atLeast: 0.9 },
  ],
  async measure({ rounds, seconds, say }) {
    await using open = new AsyncDisposableStack()
    const { parts } = open.use(await openThrowAwayParts())
    const opened: Partial<Record<ServiceName, Service>> = {}
    for (const name of Object.keys(services) as ServiceName[]) {
      opened[name] = await openService(open, parts, services[name])
    }
    const { accepted, shed, limited } = opened as Record<ServiceName, Service>
    const arms: Record<string, () => Promise<Figures>> = {
      accepted: async () => costOfEach('goodPerSecond', await accepted.run(seconds), seconds),
      shed: async () => costOfEach('refused', await shed.run(seconds), seconds),
      limited: async () => costOfEach('refused', await limited.run(seconds), seconds),
      ...Object.fromEntries(
        timesRated.map(times => [
          `offered${times}`,
          async () => goodput(await shed.run(seconds, times * ratedPerSecond), seconds),
        ]),
      ),
    }
    const figures: Record<string, Figures[]> = {}
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, measure] of Object.entries(arms)) {
        const measured = await measure()
        say(`round ${round} of ${rounds}, ${name}: ${JSON.stringify(measured)}`)
        figures[name] = [...(figures[name] ?? []), measured]
      }
    }
    return { arms: figures, ratios: ratiosOf(figures) }
  },
}

/** Payments on a private database, with a provider of its own. */
async function openService(
  open: AsyncDisposableStack,
  parts: TestParts,
  { quotaPerSecond, perTenantPerSecond }: (typeof services)[ServiceName],
): Promise<Service> {
  const provider = open.use(await startInstantProvider(quotaPerSecond))
  const env = {
    payments: {
      CARD_PROVIDER_URL: provider.url,
      PAYMENTS_PER_TENANT_PER_SECOND: String(perTenantPerSecond),
    },
  }
  const system = open.use(await openTestSystem({ parts, run: ['payments'], env }))
  const { pid } = await system.status('payments')
  const requests = paymentRequests(system.apiKeys.acme ?? '')
  const port = Number(new URL(system.urls.payments).port)
  const load = (seconds: number, perSecond?: number) =>
    runClosedLoop({
      port,
      connections,
      ...(perSecond !== undefined && { perSecond }),
      warmUpMs: 0,
      measureMs: seconds * 1_000,
      nextRequest: requests.first,
    })
  return {
    async run(seconds, perSecond) {
      await load(warmUpSeconds, perSecond)
      const beforeMs = (await processorMs(pid)) ?? Number.NaN
      const loop = await load(seconds, perSecond)
      assertServed(loop)
      return { ...loop, usedMs: ((await processorMs(pid)) ?? Number.NaN) - beforeMs }
    },
  }
}

/**
 * The processor time of each answer of one kind. The few payments that were taken among thousands of
 * refusals are paid for by the refusals.
 */
function costOfEach(
  kind: 'goodPerSecond' | 'refused',
  loop: Awaited<ReturnType<Service['run']>>,
  seconds: number,
): Figures {
  const answers = kind === 'refused' ? loop.refused : loop.goodPerSecond * seconds
  return {
    answersPerSecond: Math.round(answers / seconds),
    serviceMicros: Math.round((loop.usedMs * 1_000) / answers),
  }
}

function goodput(loop: Awaited<ReturnType<Service['run']>>, seconds: number): Figures {
  return {
    goodPerSecond: loop.goodPerSecond,
    refusedPerSecond: Math.round(loop.refused / seconds),
    p99Ms: loop.p99Ms,
    busyShare: Math.round(loop.usedMs / (seconds * 10)) / 100,
  }
}

/** @throws when no payment was made: a service that refuses everything is no measure for a refusal. */
function assertServed({ goodPerSecond }: Loop): void {
  if (goodPerSecond === 0) throw new Error('no payment was made, so there is nothing to compare')
}

function ratiosOf(figures: Readonly<Record<string, readonly Figures[]>>) {
  const each = (arm: string, over: string, figure: string) =>
    (figures[arm] ?? []).map(
      (measured, round) =>
        (measured[figure] ?? Number.NaN) / (figures[over]?.[round]?.[figure] ?? Number.NaN),
    )
  return {
    shedOverAccepted: each('shed', 'accepted', 'serviceMicros'),
    limitedOverAccepted: each('limited', 'accepted', 'serviceMicros'),
    keptAt10: each('offered10', 'offered1', 'goodPerSecond'),
    keptAt30: each('offered30', 'offered1', 'goodPerSecond'),
    keptAt100: each('offered100', 'offered1', 'goodPerSecond'),
  }
}
