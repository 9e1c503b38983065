import { PaymentEvent } from '@nightshift/contracts/events'
import {
  type ConsumerOptions,
  type RunningConsumer,
  runConsumer,
} from '@nightshift/runtime/kafka/consumer'
import { type ApplyPaymentEventDeps, applyPaymentEvent } from '../flows/apply-payment-event.ts'

type Plumbing = Pick<
  ConsumerOptions<PaymentEvent>,
  'brokers' | 'prefix' | 'policy' | 'log' | 'metrics' | 'stopping'
>

/** Hears from payments what became of a payment, and lets the listing follow. */
export function consumePaymentEvents(
  plumbing: Plumbing,
  deps: ApplyPaymentEventDeps,
): RunningConsumer {
  return runConsumer<PaymentEvent>({
    ...plumbing,
    service: 'listings',
    topic: 'payments.v1',
    schema: PaymentEvent,
    handle: event => applyPaymentEvent(deps, event),
  })
}
