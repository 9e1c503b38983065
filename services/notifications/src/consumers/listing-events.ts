import { ListingEvent } from '@nightshift/contracts/events'
import {
  type ConsumerOptions,
  type RunningConsumer,
  runConsumer,
} from '@nightshift/runtime/kafka/consumer'
import { type ApplyListingEventDeps, applyListingEvent } from '../flows/apply-listing-event.ts'

type Plumbing = Pick<
  ConsumerOptions<ListingEvent>,
  'brokers' | 'prefix' | 'policy' | 'log' | 'metrics' | 'stopping'
>

/** Hears from listings what went live, and decides whom to tell. */
export function consumeListingEvents(
  plumbing: Plumbing,
  deps: ApplyListingEventDeps,
): RunningConsumer {
  return runConsumer<ListingEvent>({
    ...plumbing,
    service: 'notifications',
    topic: 'listings.v1',
    schema: ListingEvent,
    handle: event => applyListingEvent(deps, event),
  })
}
