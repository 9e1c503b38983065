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

test('large spans drive the oldest traces out before they need more bytes than the bound', () => {
  const bytesMax = 100_000
  const store = createTraceStore({ tracesMax: 1_000, bytesMax })
  for (let index = 0; index < 100; index += 1) {
    const attributes = { text: 'x'.repeat(10_000) }
    store.add([span('large', undefined, { traceId: `trace-${index}`, attributes })])
    expect(store.size().bytes).toBeLessThanOrEqual(bytesMax)
  }
  expect(store.linkedTo('trace-0')).toEqual([])
  expect(store.linkedTo('trace-99')).toHaveLength(1)
})

test('a trace that is larger than the bound leaves nothing counted behind', () => {
  const store = createTraceStore({ tracesMax: 1_000, bytesMax: 10_000 })
  store.add([span('huge', undefined, { attributes: { text: 'x'.repeat(10_000) } })])
  expect(store.size()).toEqual({ traces: 0, bytes: 0, causes: 0 })
})

test('an effect is forgotten with its trace, also when its cause was never kept', () => {
  const store = createTraceStore({ tracesMax: 10, bytesMax: 1_000_000 })
  for (let index = 0; index < 1_000; index += 1) {
    const links = [{ traceId: `gone-${index}`, spanId: 'publish' }]
    store.add([span('process', undefined, { traceId: `effect-${index}`, links })])
  }
  expect(store.size()).toMatchObject({ traces: 10, causes: 10 })
})

test('a cause that arrives after its effect leads to it', () => {
  const store = createTraceStore()
  const links = [{ traceId: 'a', spanId: 'publish' }]
  store.add([span('process', undefined, { traceId: 'b', links })])
  store.add([span('publish', undefined, {})])
  expect(store.linkedTo('a')).toHaveLength(2)
})
