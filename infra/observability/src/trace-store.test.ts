import { expect, test } from 'vitest'
import { createTraceStore, type StoredSpan } from './trace-store.ts'

const server = 2
const client = 3

function span(
  spanId: string,
  parentSpanId: string | undefined,
  of: Partial<StoredSpan>,
): StoredSpan {
  return {
    traceId: 'a',
    spanId,
    parentSpanId,
    name: spanId,
    service: 'listings',
    kind: client,
    startNanos: 0n,
    endNanos: 1_000_000n,
    failed: false,
    attributes: {},
    links: [],
    ...of,
  }
}

test('a request whose caller traces elsewhere is in the list, under its own name', () => {
  const store = createTraceStore()
  store.add([span('POST /v1/listings', 'of-the-caller', { kind: server })])
  expect(store.recent(10).map(({ name }) => name)).toEqual(['POST /v1/listings'])
})

test('of several requests in one trace the first one gives the name, whenever it was exported', () => {
  const store = createTraceStore()
  store.add([span('POST /v1/payments', 'the-call', { kind: server, startNanos: 5n })])
  store.add([
    span('the-call', 'POST /publish', { startNanos: 3n }),
    span('POST /publish', undefined, { kind: server, startNanos: 1n }),
  ])
  expect(store.recent(10).map(({ name }) => name)).toEqual(['POST /publish'])
})

test('a trace that another one caused is not in the list, and is found through it', () => {
  const store = createTraceStore()
  const links = [{ traceId: 'a', spanId: 'POST /publish' }]
  store.add([span('POST /publish', undefined, { kind: server })])
  store.add([span('process payment.captured', undefined, { traceId: 'b', links })])
  expect(store.recent(10)).toHaveLength(1)
  expect(store.linkedTo('a')).toHaveLength(2)
})
