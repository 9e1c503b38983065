import { type CrashLabel, crashPoints } from '@nightshift/load-tests/harness/crash-points'
import { setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import type { TestSystem } from '@nightshift/load-tests/harness/test-system'
import type { ServiceName } from '@nightshift/local/system/secrets'

/** One way to disturb a payment, begun before the client pays. */
export type WayToBreak = Readonly<{
  name: string
  title: string
  /** One of the four that everybody should try, or one of the rest. */
  isFirst: boolean
  /**
   * `pays`: directly, without a listing, whose state would stop a second request by itself, and hide what the
   * key is for. `publishes`: a listing that a candidate waits for, who gets a mail about it.
   */
  client: 'pays' | 'publishes'
  /** What happens, in the words of somebody who watches. */
  story: string
  /** So many requests at the same moment. */
  copies: number
  /** The first two requests wait no longer than this. Unset: as long as a client usually waits. */
  impatientMs?: number
  /** A second charge may come so late. */
  lateMs: number
  begin: (system: TestSystem) => Promise<unknown>
  /**
   * It ends when so many calls of the provider were lost, or after a while: with one lost call, nobody has
   * tried again yet. Unset: it is over by itself.
   */
  heal?: Readonly<{
    lostCalls: number
    withinMs: number
    undo: (system: TestSystem) => Promise<unknown>
  }>
}>

const mailMs = 4_000
/** A job looks at open payments after six seconds. */
const jobMs = 12_000
/** A mail whose sender was killed is sent again after 15 s. */
const mailAgainMs = 20_000

const healProvider = {
  lostCalls: 2,
  withinMs: 8_000,
  undo: (system: TestSystem) => setProviderFaults(system, { silence: 'none' }),
} as const

/** Four ways in which a card is charged twice by a service that does not expect them. */
const firstWays: readonly WayToBreak[] = [
  {
    name: 'answer-lost',
    title: 'The answer is lost',
    isFirst: true,
    client: 'pays',
    story:
      'The provider is slow. The client stops waiting, so the answer never arrives, and it asks again with the same key.',
    copies: 1,
    impatientMs: 700,
    lateMs: 3_000,
    begin: system => setProviderFaults(system, { latencyMs: 1_500 }),
    heal: {
      lostCalls: 1,
      withinMs: 5_000,
      undo: system => setProviderFaults(system, { latencyMs: 0 }),
    },
  },
  {
    name: 'killed',
    title: 'Killed after the charge',
    isFirst: true,
    client: 'pays',
    copies: 1,
    lateMs: 3_000,
    story: 'Payments is killed when the card was charged, before it has written that down.',
    begin: killedAt('payments', 'charge.answered'),
  },
  {
    name: 'sent-twice',
    title: 'Sent twice at once',
    isFirst: true,
    client: 'pays',
    story: 'An impatient client pays twice at the same moment, with the same key.',
    copies: 2,
    lateMs: 2_000,
    begin: async () => {},
  },
  {
    name: 'silent',
    title: 'The provider is silent',
    isFirst: true,
    client: 'pays',
    story:
      'Requests are lost on their way. Nobody can tell whether the card was charged, and a job finds out later.',
    copies: 1,
    lateMs: jobMs,
    begin: system => setProviderFaults(system, { silence: 'before', silenceRate: 1 }),
    heal: healProvider,
  },
]

/** The service ends at the first work that comes to this place. The supervisor starts it again. */
function killedAt(service: ServiceName, label: CrashLabel) {
  return async (system: TestSystem): Promise<void> => {
    await system.stop(service)
    await system.start(service, { env: { CRASH_AT: `${label}:1` }, forOneInstance: true })
    await system.waitReady(service)
  }
}

type Kill = Readonly<{ service: ServiceName; label: CrashLabel; lateMs?: number; moral?: string }>

/** In the order in which a publication comes to them. */
const kills: readonly Kill[] = [
  { service: 'listings', label: 'publication.claimed' },
  { service: 'listings', label: 'pay.begin' },
  { service: 'payments', label: 'payment.claimed', lateMs: jobMs },
  { service: 'payments', label: 'charge.begin', lateMs: jobMs },
  { service: 'payments', label: 'charge.answered', lateMs: jobMs },
  { service: 'payments', label: 'settle.begin', lateMs: jobMs },
  { service: 'payments', label: 'outbox.committed', lateMs: jobMs },
  { service: 'payments', label: 'relay.published' },
  { service: 'listings', label: 'pay.answered' },
  { service: 'listings', label: 'event.applied' },
  { service: 'notifications', label: 'event.applied' },
  {
    service: 'notifications',
    label: 'mail.accepted',
    lateMs: mailAgainMs,
    moral:
      'Nobody can prevent the copy, because a mail server takes no idempotency keys. It has the same Message-ID.',
  },
]

const publishes = 'An employer publishes a listing that a candidate waits for.'

const furtherWays: readonly WayToBreak[] = [
  {
    name: 'published',
    title: 'Publish a listing, and nothing is broken',
    isFirst: false,
    client: 'publishes',
    copies: 1,
    lateMs: mailMs,
    story: publishes,
    begin: async () => {},
  },
  ...kills.map(({ service, label, lateMs = mailMs, moral = '' }) => ({
    name: `${service}-${label.replace('.', '-')}`,
    title: `Publish a listing, and ${service} is killed at ${label}`,
    isFirst: false,
    client: 'publishes' as const,
    copies: 1,
    lateMs,
    story:
      `${publishes} ${service} is killed at this moment: ${crashPoints[label]} ${moral}`.trim(),
    begin: killedAt(service, label),
  })),
]

export const waysToBreak: readonly WayToBreak[] = [...firstWays, ...furtherWays]
