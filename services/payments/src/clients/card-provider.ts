import { crashpoint } from '../crash-points.ts'
import type { ChargeOutcome, Payment } from '../domain/payment.ts'
import type { CaptureOrVoidDeps, CaptureOrVoidOutcome } from '../flows/capture-or-void.ts'
import type { TakePaymentDeps } from '../flows/take-payment.ts'
import {
  capturedOutcome,
  chargeOutcome,
  declineReason,
  feePath,
  readIntent,
  withFee,
} from './intent-outcome.ts'
import { misused, type ProviderConnection, post, type Said } from './provider-api.ts'

/**
 * Charges a card at the provider, or holds the money (created and confirmed in one call). The
 * provider's idempotency key is derived from our payment: whoever asks again while the provider
 * remembers it, after whatever happened here, asks for the same charge.
 */
export function chargeCard(provider: ProviderConnection): TakePaymentDeps['charge'] {
  return (payment, deadline) =>
    provider.call('card-provider charge', deadline, async (perTry): Promise<ChargeOutcome> => {
      await crashpoint('charge.begin')
      const said = await post(provider, perTry, {
        path: '/v1/payment_intents',
        key: `payment-${payment.paymentId}`,
        form: formOf(payment),
      })
      await crashpoint('charge.answered')
      if (said.kind !== 'said') return said
      if (said.status !== 200) return refusalOf(said)
      return chargeOutcome(await withFee(provider, said, perTry), payment.amountCents)
    })
}

/**
 * Takes or lets go what is held. If it is held no longer, by whomever, what it is now is the answer.
 * The intent itself is asked for that: an error under our key may be one that was stored.
 */
export function captureOrVoidAtProvider(
  provider: ProviderConnection,
): CaptureOrVoidDeps['carryOut'] {
  return (payment, wanted, deadline) =>
    provider.call(
      `card-provider ${wanted}`,
      deadline,
      async (perTry): Promise<CaptureOrVoidOutcome> => {
        const intentId = payment.providerPaymentId ?? ''
        const verb = wanted === 'capture' ? 'capture' : 'cancel'
        const form: Record<string, string> = wanted === 'capture' ? { 'expand[0]': feePath } : {}
        const said = await post(provider, perTry, {
          path: `/v1/payment_intents/${intentId}/${verb}`,
          key: `${verb}-${payment.paymentId}`,
          form,
        })
        if (said.kind === 'said' && said.status === 200) {
          return holdOutcome(await withFee(provider, said, perTry), payment) ?? misused(said)
        }
        if (said.kind === 'not-sent' || said.kind === 'shed') return said
        const now = await readIntent(provider, intentId, perTry)
        const ended = now.kind === 'said' ? holdOutcome(now, payment) : undefined
        return ended ?? (said.kind === 'said' ? misused(said) : said)
      },
    )
}

/** How a hold has ended. Undefined: it has not. */
function holdOutcome({ body }: Said, { amountCents }: Payment): CaptureOrVoidOutcome | undefined {
  const { id, status } = body
  if (id === undefined) return undefined
  if (status === 'canceled') return { kind: 'ok', value: { kind: 'voided', providerPaymentId: id } }
  return status === 'succeeded' ? capturedOutcome(body, id, amountCents) : undefined
}

function formOf(payment: Payment): Record<string, string> {
  return {
    amount: String(payment.amountCents),
    currency: payment.currency.toLowerCase(),
    payment_method: payment.cardToken ?? '',
    confirm: 'true',
    ...(payment.captureMethod === 'manual' ? { capture_method: 'manual' } : {}),
    'metadata[payment_id]': payment.paymentId,
    'metadata[publication_id]': payment.publicationId,
    'metadata[tenant_id]': payment.tenantId,
    'expand[0]': feePath,
  }
}

function refusalOf(said: Said): ChargeOutcome {
  const { status } = said
  const { error = {} } = said.body
  if (status === 402 && error.type === 'card_error') {
    return { kind: 'rejected', reason: declineReason(error) }
  }
  if (status === 400 && error.code === 'resource_missing' && error.param === 'payment_method') {
    return { kind: 'rejected', reason: 'invalid_card' }
  }
  return misused(said)
}
