import { waitUntil } from '@nightshift/local/wait-until'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import { readProviderLog, setProviderFaults } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { ExperimentSystem } from './experiment-system.ts'
import type { FinalAnswer, MatrixCase, ProviderFault } from './matrix.ts'

/** The observations during a case. `judgeCases` adds the evidence from the sources. */
export type CaseRun = Readonly<{
  oneCase: MatrixCase
  listingId: string
  /** The keys of the publication and, if there was one, of its refund. */
  keys: readonly string[]
  answer: FinalAnswer
  attempts: number
  /** False when the provider had a fault and no request met it. */
  isFaultSeen: boolean
  /** The supervisor's description. Unset when the service did not die. */
  death?: string
  /** From the death to the final answer; 0 when the client had the answer before. */
  recoveryMs?: number
  /** From the death until nothing was under way, measured twice a second. */
  restMs?: number
  isAtRest: boolean
}>

/** The relay, the consumers and the mail sender act only after the answer. */
const deathMaxMs = 20_000
const restMaxMs = 60_000
const deathPollMs = 50
/** Longer than all waits of a case together. */
const watchMaxMs = 300_000
/** If the owner of a refund dies, another instance takes over and asks the provider within this time. */
const faultMaxMs = 30_000

/**
 * Runs one publication, or the refund of one, during which one service dies at one crash point. Returns
 * when the system is at rest again.
 */
export async function runCase(context: ExperimentSystem, oneCase: MatrixCase): Promise<CaseRun> {
  const { system, client, recordFault, sources } = context
  const { label, owner, name } = oneCase.row
  const crashAt = `${label}:1`
  await system.stop(owner)
  recordFault('crashpoint', 'begin', name, { crashAt, column: oneCase.column.name })
  await system.start(owner, { env: { CRASH_AT: crashAt }, forOneInstance: true })
  await system.waitReady(owner)
  await using watch = await watchForDeath(system, owner, () =>
    recordFault('process', 'begin', owner, { signal: 'SIGKILL', crashAt }),
  )

  const listingId = await client.draft('acme')
  const { answeredAt, ...ended } = await (oneCase.row.during === 'publish'
    ? publish(context, oneCase, listingId)
    : publishAndRefund(context, oneCase, listingId))
  if (oneCase.isPossible) await waitUntil(() => watch.death() !== undefined, deathMaxMs)
  if (watch.death() !== undefined) await system.waitReady(owner)
  const { quiet, finishedAt } = await waitForQuiescence(sources, restMaxMs)
  const death = watch.death()
  if (death === undefined) {
    await system.stop(owner)
    await system.start(owner)
  }
  await system.waitReady(owner)
  if (death !== undefined) recordFault('process', 'end', owner)
  recordFault('crashpoint', 'end', name)
  const seen = { oneCase, listingId, ...ended, isAtRest: quiet }
  if (death === undefined) return seen
  return {
    ...seen,
    death: death.reason,
    recoveryMs: Math.max(0, Math.round(answeredAt - death.at)),
    restMs: Math.max(0, Math.round(finishedAt - death.at)),
  }
}

type Ended = Pick<CaseRun, 'keys' | 'answer' | 'attempts' | 'isFaultSeen'> & { answeredAt: number }

async function publish(
  { client }: ExperimentSystem,
  { column }: MatrixCase,
  listingId: string,
): Promise<Ended> {
  const end = await client.publish('acme', listingId, column.card)
  return {
    keys: [end.key],
    answer: finalAnswer(end.answer, 'paid'),
    attempts: end.attempts,
    answeredAt: end.answeredAt,
    isFaultSeen: true,
  }
}

/** Publishes without a fault. Then it refunds the payment while the provider has the fault of the column. */
async function publishAndRefund(
  context: ExperimentSystem,
  { column }: MatrixCase,
  listingId: string,
): Promise<Ended> {
  const card = column.atRefund === undefined ? column.card : 'pm_card_visa'
  const paid = await context.client.publish('acme', listingId, card)
  const { paymentId } = paid.answer.json
  const answer = finalAnswer(paid.answer, 'paid')
  if (answer !== 'paid' || paymentId === undefined) {
    const { attempts, answeredAt } = paid // there is nothing to refund
    return { keys: [paid.key], answer, attempts, answeredAt, isFaultSeen: true }
  }
  await using fault = await beginFault(context, column.atRefund, paymentId)
  const refunding = context.client.refund('acme', paymentId)
  const isFaultSeen = await fault.hasMetOneRequest()
  const refunded = await refunding
  return {
    keys: [paid.key, refunded.key],
    answer: finalAnswer(refunded.answer, 'refunded'),
    attempts: refunded.attempts,
    answeredAt: refunded.answeredAt,
    isFaultSeen,
  }
}

/** The provider has this fault until one request for a refund of this payment has met it. */
async function beginFault(
  { system, recordFault }: ExperimentSystem,
  fault: ProviderFault | undefined,
  paymentId: string,
): Promise<AsyncDisposable & { hasMetOneRequest: () => Promise<boolean> }> {
  if (fault === undefined) {
    return { hasMetOneRequest: async () => true, [Symbol.asyncDispose]: async () => undefined }
  }
  const name = `card-provider/${Object.keys(fault.settings).join()}`
  recordFault('setting', 'begin', name, fault.settings)
  await setProviderFaults(system, fault.settings)
  let isHealed = false
  const heal = async () => {
    if (isHealed) return
    isHealed = true
    await setProviderFaults(system, fault.healthy)
    recordFault('setting', 'end', name)
  }
  const isShown = async () => {
    const lines = await readProviderLog(system, { payment_id: paymentId })
    return lines.some(line => line.type === fault.shownBy && line.action === 'refund')
  }
  return {
    async hasMetOneRequest() {
      const isSeen = await waitUntil(isShown, faultMaxMs)
      await heal()
      return isSeen
    },
    [Symbol.asyncDispose]: heal,
  }
}

type Death = Readonly<{ at: number; reason: string }>

/** Watches until the service has died, or until the watch is disposed of. */
async function watchForDeath(
  system: TestSystem,
  owner: MatrixCase['row']['owner'],
  onDeath: () => void,
): Promise<AsyncDisposable & { death: () => Death | undefined }> {
  const before = (await system.status(owner)).restarts
  let death: Death | undefined
  let isOver = false
  const watching = waitUntil(
    async () => {
      const { restarts, reason = 'for an unknown reason' } = await system.status(owner)
      if (restarts === before) return isOver
      death = { at: Date.now(), reason }
      onDeath()
      return true
    },
    watchMaxMs,
    deathPollMs,
  )
  watching.catch(() => undefined) // disposal rethrows the error; until then it must not be unhandled
  return {
    death: () => death,
    async [Symbol.asyncDispose]() {
      isOver = true
      await watching
    },
  }
}

function finalAnswer(
  { type, status }: { type: string; status: number },
  positive: 'paid' | 'refunded',
): FinalAnswer {
  if (type === 'ok') return positive
  return status === 402 ? 'declined' : 'open'
}
