import { PaymentEvent } from '@nightshift/contracts/events'
import {
  type ConsumerOptions,
  type RunningConsumer,
  runConsumer,
} from '@nightshift/runtime/kafka/consumer'
import { type ApplyPaymentEventDeps, applyPaymentEvent } from '../flows/apply-payment-event.ts'

type ConsumerResources = Pick<
  ConsumerOptions<PaymentEvent>,
  'brokers' | 'prefix' | 'policy' | 'log' | 'metrics' | 'stopping'
>

/** Consumes the events of payments. A captured payment puts its listing live. */
export function consumePaymentEvents(
  resources: ConsumerResources,
  deps: ApplyPaymentEventDeps,
): RunningConsumer {
  return runConsumer<PaymentEvent>({
    ...resources,
    service: 'listings',
    topic: 'payments.v1',
    schema: PaymentEvent,
    handle: event => applyPaymentEvent(deps, event),
  })
}
