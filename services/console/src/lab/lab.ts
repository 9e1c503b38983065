import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { prepareDatabases } from '@nightshift/local/prepare/prepare'
import { limits } from '../limits.ts'
import type { LabView } from '../snapshot.ts'
import { type Lane, openLane } from './lane.ts'
import { waysToBreak } from './ways-to-break.ts'

export type Lab = Readonly<{
  view: () => LabView
  /** Opens the lanes unless they are open, and tries one way in both. Answers why it does not. */
  attempt: (way: string) => string | undefined
  close: () => Promise<void>
}>

/** The naive lane differs in this one thing. */
const naive = { PATTERN_IDEMPOTENCY_KEY: 'naive' } as const

/**
 * Payments and a card provider twice, naive and ours, in which the same payment is disturbed in the same way.
 * They start when they are needed, and end when they were not used for a while.
 * @param onError hears of lanes that could not be closed
 */
export function openLab(parts: TestParts, onError: (error: unknown) => void): Lab {
  let lanes: readonly Lane[] = []
  let state: LabView['state'] = 'closed'
  let problem = ''
  let tried: string | undefined
  let working: Promise<void> = Promise.resolve()
  let idle: NodeJS.Timeout | undefined

  async function openLanes(): Promise<void> {
    if (lanes.length > 0) return
    state = 'starting'
    await prepareDatabases(parts.postgresUrl, parts.secrets, parts.templates)
    // One after the other, because Kafka does not create topics for two systems at once.
    const first = await openLane({ name: 'naive', title: 'naive', parts, env: naive })
    lanes = [first]
    lanes = [first, await openLane({ name: 'ours', title: 'Nightshift', parts, env: {} })]
  }

  async function closeLanes(): Promise<void> {
    const open = lanes
    lanes = []
    state = 'closed'
    await Promise.all(open.map(lane => lane.close().catch(onError)))
  }

  async function work(name: string): Promise<void> {
    const way = waysToBreak.find(each => each.name === name)
    if (way === undefined) return
    try {
      problem = ''
      tried = name
      await openLanes()
      state = 'trying'
      await Promise.all(lanes.map(lane => lane.attempt(way)))
      state = 'open'
    } catch (error) {
      problem = (error as Error).message
      await closeLanes()
    }
    idle = setTimeout(() => {
      working = closeLanes()
    }, limits.lab.idleMs)
  }

  return {
    view: () => ({
      state,
      ...(tried === undefined ? {} : { tried }),
      ...(problem === '' ? {} : { problem }),
      lanes: lanes.map(lane => lane.view()),
    }),
    attempt(way) {
      if (state === 'starting' || state === 'trying') return 'a payment is being tried already'
      if (!waysToBreak.some(({ name }) => name === way)) return `there is no way called ${way}`
      clearTimeout(idle)
      state = lanes.length === 0 ? 'starting' : 'trying'
      working = work(way)
      return undefined
    },
    async close() {
      clearTimeout(idle)
      await Promise.race([working, closeLanes()])
      await closeLanes()
    },
  }
}
