import type { Relation } from '../timeout-hierarchy/types.ts'

/** What must hold between the limits of the entrance, in every service: `http` and `loop`. */
export const entranceRelations = [
  {
    larger: 'http.connectionsMax',
    smaller: ['http.acceptQueueMax', 'http.connectionsFreeMin'],
    because: 'All connections that wait are accepted, and no other has to make room for them.',
  },
  {
    larger: 'loop.lagMaxMs',
    smaller: ['loop.acceptBurstMs'],
    because: 'A standing queue is noticed before a request from it counts as read too late.',
  },
  {
    larger: 'loop.catchUpMs',
    smaller: [[2, '*', 'loop.everyMs']],
    because: 'After a stall, requests are refused until those that waited have been read.',
  },
] as const satisfies readonly Relation[]

/** What must hold besides in a service with a door: `door` and `beginMinMs`. */
export const doorRelations = [
  {
    larger: 'http.requestBudgetMs',
    smaller: ['loop.lagMaxMs', 'beginMinMs'],
    because: 'A request that was read late, but not too late, can still be begun in time.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['door.newcomerMs', 'loop.lagMaxMs'],
    because: 'A client that has just come is known as one, also when its request was read late.',
  },
] as const satisfies readonly Relation[]
