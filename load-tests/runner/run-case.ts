import { waitUntil } from '@nightshift/local/wait-until'
import type { Sources } from '../auditor/collect.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import type { RecordingClient } from '../harness/client.ts'
import type { NoteFault } from '../harness/note-fault.ts'
import { call, setProviderFaults } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Cell, CellAnswer, ProviderFault } from './matrix.ts'

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
  /** Of the publication, and of its refund where there was one. */
  keys: readonly string[]
  answer: CellAnswer
  attempts: number
  /** False when the provider was to misbehave and no request met it. */
  isFaultSeen: boolean
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
/** Longer than a refund whose owner died waits for the next: the provider is asked by then. */
const faultMaxMs = 30_000

/**
 * One publication, during which one service dies at one place, or the refund of one, during which it
 * does; returns when all is at rest.
 */
export async function runCell(lab: CellLab, cell: Cell): Promise<CellRun> {
  const { system, client, noteFault, sources } = lab
  const { label, owner, name } = cell.row
  const crashAt = `${label}:1`
  await system.stop(owner)
  noteFault('crashpoint', 'begin', name, { crashAt, column: cell.column.name })
  await system.start(owner, { env: { CRASH_AT: crashAt }, forOneInstance: true })
  await system.waitReady(owner)
  await using watch = await watchForDeath(system, owner, () =>
    noteFault('process', 'begin', owner, { signal: 'SIGKILL', crashAt }),
  )

  const listingId = await client.draft('acme')
  const asked = await (cell.row.during === 'publish'
    ? publish(lab, cell, listingId)
    : refund(lab, cell, listingId))
  const { answeredAt, ...told } = asked
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
  const seen = { cell, listingId, ...told, isAtRest: quiet }
  if (death === undefined) return seen
  return {
    ...seen,
    death: death.reason,
    recoveryMs: Math.max(0, Math.round(answeredAt - death.at)),
    restMs: Math.max(0, Math.round(finishedAt - death.at)),
  }
}

type Asked = Pick<CellRun, 'keys' | 'answer' | 'attempts' | 'isFaultSeen'> & { answeredAt: number }

async function publish({ client }: CellLab, { column }: Cell, listingId: string): Promise<Asked> {
  const { key, told, attempts, answeredAt } = await client.publish('acme', listingId, column.card)
  return { keys: [key], answer: answerOf(told, 'paid'), attempts, answeredAt, isFaultSeen: true }
}

/** Publishes in calm, and then gives the money back while the provider is as the column says. */
async function refund(lab: CellLab, { column }: Cell, listingId: string): Promise<Asked> {
  const card = column.atRefund === undefined ? column.card : 'pm_card_visa'
  const paid = await lab.client.publish('acme', listingId, card)
  const { paymentId } = paid.told.json
  const { attempts, answeredAt } = paid
  const answer = answerOf(paid.told, 'paid')
  // There is nothing to give back, and no name of a payment that one could ask for it by.
  if (answer !== 'paid' || paymentId === undefined) {
    return { keys: [paid.key], answer, attempts, answeredAt, isFaultSeen: true }
  }
  await using fault = await beginFault(lab, column.atRefund, paymentId)
  const asking = lab.client.refund('acme', paymentId)
  const isFaultSeen = await fault.hasMetOne()
  const given = await asking
  return {
    keys: [paid.key, given.key],
    answer: answerOf(given.told, 'refunded'),
    attempts: given.attempts,
    answeredAt: given.answeredAt,
    isFaultSeen,
  }
}

/** The provider misbehaves until it has met one request for a refund of this payment with that. */
async function beginFault(
  { system, noteFault }: CellLab,
  fault: ProviderFault | undefined,
  paymentId: string,
): Promise<AsyncDisposable & { hasMetOne: () => Promise<boolean> }> {
  if (fault === undefined) {
    return { hasMetOne: async () => true, [Symbol.asyncDispose]: async () => undefined }
  }
  const name = `card-provider/${Object.keys(fault.settings).join()}`
  noteFault('setting', 'begin', name, fault.settings)
  await setProviderFaults(system, fault.settings)
  let isAtRest = false
  const rest = async () => {
    if (isAtRest) return
    isAtRest = true
    await setProviderFaults(system, fault.rest)
    noteFault('setting', 'end', name)
  }
  const truth = `${system.urls.cardProvider}/log?payment_id=${paymentId}&limit=1000`
  const hasShown = async () => {
    const { lines } = (await call('GET', truth)).json as { lines: { type: string; act?: string }[] }
    return lines.some(({ type, act }) => type === fault.shownBy && act === 'refund')
  }
  return {
    async hasMetOne() {
      const isSeen = await waitUntil(hasShown, faultMaxMs)
      await rest()
      return isSeen
    },
    [Symbol.asyncDispose]: rest,
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

function answerOf(
  { type, status }: { type: string; status: number },
  yes: 'paid' | 'refunded',
): CellAnswer {
  if (type === 'ok') return yes
  return status === 402 ? 'declined' : 'open'
}
