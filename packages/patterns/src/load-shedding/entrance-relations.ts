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
