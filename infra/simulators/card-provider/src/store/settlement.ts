import { chargeIdOf } from '../answers/show-intent.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { OperationLine } from '../log/provider-log-entry.ts'
import type { CompletedOperation } from '../operations/payment-intent.ts'
import { isOperation } from '../operations/payment-intent.ts'
import { feeOf } from './fee.ts'

/** A captured charge or a refund, as it changes the balance. All amounts are in minor units. */
export type SettlementRow = Readonly<{
  at: string
  type: 'charge' | 'refund'
  id: string
  intent_id: string
  gross: number
  fee: number
  net: number
  currency: string
  /** Both ids come from the caller's metadata, and are empty when it sent none. */
  payment_id: string
  refund_id: string
}>

export const settlementColumns = [
  'at',
  'type',
  'id',
  'intent_id',
  'gross',
  'fee',
  'net',
  'currency',
  'payment_id',
  'refund_id',
] as const

export type Settlement = Readonly<{
  /** Remembers a completed operation if it moved money. */
  apply: (completed: CompletedOperation) => void
  /**
   * Reads the rows from one moment up to but excluding another, in milliseconds since 1970. They
   * come in order and in batches, and each batch is read from disk at once.
   */
  rows: (
    read: ProviderLog['line'],
    fromMs: number,
    toMs: number,
  ) => AsyncGenerator<readonly SettlementRow[]>
}>

const batchLines = 500

/** Remembers only the places of the lines. The amounts are read from the provider log on disk. */
export function createSettlement(): Settlement {
  const moved: Readonly<{ seq: number; atMs: number }>[] = []

  return {
    apply({ line }) {
      if (movesMoney(line)) moved.push({ seq: line.seq, atMs: Date.parse(line.at) })
    },
    async *rows(read, fromMs, toMs) {
      const wanted = moved.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
      for (let at = 0; at < wanted.length; at += batchLines) {
        const batch = wanted.slice(at, at + batchLines)
        const lines = await Promise.all(batch.map(({ seq }) => read(seq)))
        yield lines.filter(isOperation).filter(movesMoney).map(rowOf)
      }
    },
  }
}

type Movement = Extract<
  OperationLine,
  { type: 'intent.succeeded' | 'intent.captured' | 'refund.succeeded' }
>

function movesMoney(line: OperationLine): line is Movement {
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
