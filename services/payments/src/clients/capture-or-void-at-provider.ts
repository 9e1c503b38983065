import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { Action, Payment, Settlement } from '../domain/payment.ts'
import { capturedOutcome, feePath, readIntent, withFee } from './intent-outcome.ts'
import { type Answer, type ProviderConnection, post, unexpected } from './provider-api.ts'

/** How the authorization ended. It may have ended before our request, and in the opposite way. */
export type CaptureOrVoidOutcome = Outcome<Extract<Settlement, { kind: 'captured' | 'voided' }>>

export type CaptureOrVoid = (
  payment: Payment,
  action: Action,
  deadline: Deadline,
) => Promise<CaptureOrVoidOutcome>

/**
 * Captures or voids authorized money at the provider. After an error the intent itself is read: the
 * provider may be repeating a stored error, or the authorization may have ended earlier.
 */
export function captureOrVoidAtProvider(provider: ProviderConnection): CaptureOrVoid {
  return (payment, action, deadline) =>
    provider.call(
      `card-provider ${action}`,
      deadline,
      async (perTry): Promise<CaptureOrVoidOutcome> => {
        const intentId = payment.providerPaymentId ?? ''
        const verb = action === 'capture' ? 'capture' : 'cancel'
        const form: Record<string, string> = action === 'capture' ? { 'expand[0]': feePath } : {}
        const answer = await post(provider, perTry, {
          path: `/v1/payment_intents/${intentId}/${verb}`,
          key: `${verb}-${payment.paymentId}`,
          form,
        })
        if (answer.kind === 'answered' && answer.status === 200) {
          const complete = await withFee(provider, answer, perTry)
          return outcomeOf(complete, payment) ?? unexpected(answer)
        }
        if (answer.kind === 'not-sent' || answer.kind === 'shed') return answer
        const now = await readIntent(provider, intentId, perTry)
        const ended = now.kind === 'answered' ? outcomeOf(now, payment) : undefined
        return ended ?? (answer.kind === 'answered' ? unexpected(answer) : answer)
      },
    )
}

/** Undefined while the money is still authorized. */
function outcomeOf({ body }: Answer, { amountCents }: Payment): CaptureOrVoidOutcome | undefined {
  const { id, status } = body
  if (id === undefined) return undefined
  if (status === 'canceled') return { kind: 'ok', value: { kind: 'voided', providerPaymentId: id } }
  return status === 'succeeded' ? capturedOutcome(body, id, amountCents) : undefined
}
