import { ListingEvent } from '@nightshift/contracts/events'
import {
  type ConsumerOptions,
  type RunningConsumer,
  runConsumer,
} from '@nightshift/runtime/kafka/consumer'
import { type ApplyListingEventDeps, applyListingEvent } from '../flows/apply-listing-event.ts'

type ConsumerResources = Pick<
  ConsumerOptions<ListingEvent>,
  'brokers' | 'prefix' | 'policy' | 'log' | 'metrics' | 'stopping'
>

/** Consumes the events of listings. A listing that went live is announced to candidates. */
export function consumeListingEvents(
  resources: ConsumerResources,
  deps: ApplyListingEventDeps,
): RunningConsumer {
  return runConsumer<ListingEvent>({
    ...resources,
    service: 'notifications',
    topic: 'listings.v1',
    schema: ListingEvent,
    handle: event => applyListingEvent(deps, event),
  })
}
