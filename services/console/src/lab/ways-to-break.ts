import { setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import type { TestSystem } from '@nightshift/load-tests/harness/test-system'

/** One way to disturb a payment, begun before the client pays. */
export type WayToBreak = Readonly<{
  name: string
  title: string
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

const healProvider = {
  lostCalls: 2,
  withinMs: 8_000,
  undo: (system: TestSystem) => setProviderFaults(system, { silence: 'none' }),
} as const

/** Four ways in which a card is charged twice by a service that does not expect them. */
export const waysToBreak: readonly WayToBreak[] = [
  {
    name: 'answer-lost',
    title: 'The answer is lost',
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
    copies: 1,
    lateMs: 3_000,
    story: 'Payments is killed when the card was charged, before it has written that down.',
    begin: async system => {
      await system.stop('payments')
      await system.start('payments', {
        env: { CRASH_AT: 'charge.answered:1' },
        forOneInstance: true,
      })
      await system.waitReady('payments')
    },
  },
  {
    name: 'sent-twice',
    title: 'Sent twice at once',
    story: 'An impatient client pays twice at the same moment, with the same key.',
    copies: 2,
    lateMs: 2_000,
    begin: async () => {},
  },
  {
    name: 'silent',
    title: 'The provider is silent',
    story:
      'Requests are lost on their way. Nobody can tell whether the card was charged, and a job finds out later.',
    copies: 1,
    // A job looks at open payments after six seconds.
    lateMs: 12_000,
    begin: system => setProviderFaults(system, { silence: 'before', silenceRate: 1 }),
    heal: healProvider,
  },
]
