import type { ProviderLog } from '../log/provider-log.ts'
import type { DeclineCode, RequestFacts } from '../log/provider-log-entry.ts'
import type { ChargeBook } from '../store/charge-store.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Decision } from './decide.ts'
import { decide } from './decide.ts'
import type { Deed, PaymentIntent } from './payment-intent.ts'
import { applyLine } from './payment-intent.ts'

export type CarryOutDeps = Readonly<{
  book: ChargeBook
  truth: Pick<ProviderLog, 'append'>
  /** One act on an intent at a time: each is decided by what the one before it wrote down. */
  turns: Turns
  newId: (kind: 'pi' | 're') => string
  /** Undefined: nobody is told of anything. */
  webhooks: Pick<Webhooks, 'newEventId' | 'beforeAnswer'> | undefined
}>

/** An order that waits for nothing any more. `declineCode` null: a card that is charged is good. */
export type ClearOrder = Readonly<{
  facts: RequestFacts
  fingerprint: string
  declineCode: DeclineCode | null
  late?: true
}>

export type CarriedOut =
  | Readonly<{ kind: 'done'; deed: Deed }>
  | Extract<Decision, { kind: 'refused' }>

/** Writes down what was done; that line is the act. A refusal leaves no line. */
export async function carryOut(deps: CarryOutDeps, clear: ClearOrder): Promise<CarriedOut> {
  const { act, intentId } = { intentId: undefined, ...clear.facts }
  if (act === undefined || intentId === undefined) {
    return await write(deps, clear, undefined, deps.newId('pi'))
  }
  return await deps.turns(intentId, () => write(deps, clear, deps.book.find(intentId), intentId))
}

async function write(
  { truth, newId, webhooks }: CarryOutDeps,
  { facts, declineCode, ...rest }: ClearOrder,
  known: PaymentIntent | undefined,
  intentId: string,
): Promise<CarriedOut> {
  const decision = decide(facts, known, declineCode, newId('re'))
  if (decision.kind === 'refused') return decision
  const { verdict } = decision
  const event = webhooks === undefined ? {} : { eventId: webhooks.newEventId() }
  const line = await truth.append({ ...facts, intentId, ...rest, ...event, ...verdict })
  return { kind: 'done', deed: { line, intent: applyLine(known, line) } }
}

/** Runs what concerns the same thing one after the other, and all else side by side. */
export type Turns = <Answer>(of: string, run: () => Promise<Answer>) => Promise<Answer>

/** As many may wait as the caller lets. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>()

  return async (of, run) => {
    const before = last.get(of)
    const { promise, resolve } = Promise.withResolvers<void>()
    last.set(of, promise)
    try {
      await before
      return await run()
    } finally {
      resolve()
      if (last.get(of) === promise) last.delete(of)
    }
  }
}
