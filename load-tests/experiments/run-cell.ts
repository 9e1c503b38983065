import type { TestSystem } from '@nightshift/local/testing/test-system'
import { waitUntil } from '@nightshift/local/wait-until'
import type { Sources } from '../auditor/collect.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import type { RecordingClient } from './client.ts'
import type { Cell, CellAnswer } from './grid.ts'
import type { NoteFault } from './note-fault.ts'

export type CellLab = Readonly<{
  system: TestSystem
  client: RecordingClient
  noteFault: NoteFault
  sources: Sources
}>

/** What was seen of one cell while it ran; the judgement needs the witnesses, and comes later. */
export type CellRun = Readonly<{
  cell: Cell
  listingId: string
  key: string
  answer: CellAnswer
  attempts: number
  /** In the words of the supervisor; absent when the service did not die. */
  death?: string
  /** From the death to the final answer; 0 when the client had it before. */
  recoveryMs?: number
  /** From the death until nothing was under way any more; looked at twice a second. */
  restMs?: number
  isAtRest: boolean
}>

/** After the answer: the relay, the consumers and the sender of mails have their turn. */
const deathMaxMs = 20_000
const restMaxMs = 60_000
const deathLookMs = 50
/** Longer than everything that a cell waits for. */
const watchMaxMs = 300_000

/** One publication, during which one service dies at one place; returns when all is at rest. */
export async function runCell(lab: CellLab, cell: Cell): Promise<CellRun> {
  const { system, client, noteFault, sources } = lab
  const { label, owner, name } = cell.row
  const crashAt = `${label}:1`
  await system.stop(owner)
  noteFault('crashpoint', 'begin', name, { crashAt, column: cell.column.name })
  await system.start(owner, { env: { CRASH_AT: crashAt }, forOneLife: true })
  await system.waitReady(owner)
  await using watch = await watchForDeath(system, owner, () =>
    noteFault('process', 'begin', owner, { signal: 'SIGKILL', crashAt }),
  )

  const listingId = await client.draft('acme')
  const { key, told, attempts, answeredAt } = await client.publish(
    'acme',
    listingId,
    cell.column.card,
  )
  if (cell.isPossible) await waitUntil(() => watch.death() !== undefined, deathMaxMs)
  if (watch.death() !== undefined) await system.waitReady(owner)
  const { quiet, finishedAt } = await waitForQuiescence(sources, restMaxMs)
  const death = watch.death()
  if (death === undefined) {
    await system.stop(owner)
    await system.start(owner)
  }
  await system.waitReady(owner)
  if (death !== undefined) noteFault('process', 'end', owner)
  noteFault('crashpoint', 'end', name)
  const seen = { cell, listingId, key, answer: answerOf(told), attempts, isAtRest: quiet }
  if (death === undefined) return seen
  return {
    ...seen,
    death: death.reason,
    recoveryMs: Math.max(0, Math.round(answeredAt - death.at)),
    restMs: Math.max(0, Math.round(finishedAt - death.at)),
  }
}

type Death = Readonly<{ at: number; reason: string }>

/** Looks until it has seen a death, or is disposed of. */
async function watchForDeath(
  system: TestSystem,
  owner: Cell['row']['owner'],
  died: () => void,
): Promise<AsyncDisposable & { death: () => Death | undefined }> {
  const before = (await system.status(owner)).restarts
  let death: Death | undefined
  let isOver = false
  const looking = waitUntil(
    async () => {
      const { restarts, reason = 'of an unseen cause' } = await system.status(owner)
      if (restarts === before) return isOver
      death = { at: Date.now(), reason }
      died()
      return true
    },
    watchMaxMs,
    deathLookMs,
  )
  // The failure comes to light when the watch is disposed of; until then nobody listens.
  looking.catch(() => undefined)
  return {
    death: () => death,
    async [Symbol.asyncDispose]() {
      isOver = true
      await looking
    },
  }
}

function answerOf({ type, status }: { type: string; status: number }): CellAnswer {
  if (type === 'ok') return 'paid'
  return status === 402 ? 'declined' : 'open'
}
