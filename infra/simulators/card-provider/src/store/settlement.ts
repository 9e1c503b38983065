import { chargeIdOf } from '../answers/show-intent.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { DoneLine } from '../log/provider-log-entry.ts'
import type { Deed } from '../operations/payment-intent.ts'
import { isDone } from '../operations/payment-intent.ts'
import { feeOf } from './fee.ts'

/** A charge that was captured or a refund, as it moves the balance. All amounts in minor units. */
export type SettlementRow = Readonly<{
  at: string
  type: 'charge' | 'refund'
  id: string
  intent_id: string
  gross: number
  fee: number
  net: number
  currency: string
  /** As whoever asked named them; empty when they did not. */
  payment_id: string
  refund_id: string
}>

export const settlementColumns = [
  ...(['at', 'type', 'id', 'intent_id', 'gross', 'fee', 'net'] as const),
  ...(['currency', 'payment_id', 'refund_id'] as const),
]

export type Settlement = Readonly<{
  /** Notes that something was done, if money moved. */
  apply: (deed: Deed) => void
  /**
   * What moved from one moment until before another, in milliseconds since 1970: in order, and some
   * at a time, as many as the disk is asked for at once.
   */
  rows: (
    read: ProviderLog['line'],
    fromMs: number,
    toMs: number,
  ) => AsyncGenerator<readonly SettlementRow[]>
}>

const readAtOnceMax = 500

/** Remembers only where the lines are, and reads them from disk: the provider log is the account. */
export function createSettlement(): Settlement {
  const moved: Readonly<{ seq: number; atMs: number }>[] = []

  return {
    apply({ line }) {
      if (movesMoney(line)) moved.push({ seq: line.seq, atMs: Date.parse(line.at) })
    },
    async *rows(read, fromMs, toMs) {
      const wanted = moved.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
      for (let at = 0; at < wanted.length; at += readAtOnceMax) {
        const some = wanted.slice(at, at + readAtOnceMax)
        const lines = await Promise.all(some.map(({ seq }) => read(seq)))
        yield lines.filter(isDone).filter(movesMoney).map(rowOf)
      }
    },
  }
}

type Movement = Extract<
  DoneLine,
  { type: 'intent.succeeded' | 'intent.captured' | 'refund.succeeded' }
>

function movesMoney(line: DoneLine): line is Movement {
  const { type } = line
  return type === 'intent.succeeded' || type === 'intent.captured' || type === 'refund.succeeded'
}

function rowOf(line: Movement): SettlementRow {
  const { at, intentId: intent_id, currency, amount } = line
  const { payment_id = '', refund_id = '' } = line.metadata
  if (line.type === 'refund.succeeded') {
    const money = { gross: -amount, fee: 0, net: -amount, currency }
    return { at, type: 'refund', id: line.refundId, intent_id, ...money, payment_id, refund_id }
  }
  const fee = feeOf(amount)
  const money = { gross: amount, fee, net: amount - fee, currency }
  const id = chargeIdOf(intent_id)
  return { at, type: 'charge', id, intent_id, ...money, payment_id, refund_id: '' }
}
