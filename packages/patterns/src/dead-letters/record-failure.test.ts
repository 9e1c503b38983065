import {
  KafkaJSConnectionError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
} from 'kafkajs'
import { expect, test } from 'vitest'
import { classifyFailure } from './record-failure.ts'

const withCode = (code: string) => Object.assign(new Error('x'), { code })
const refusedByBroker = (type: string) =>
  new KafkaJSProtocolError(Object.assign(new Error('x'), { type, code: 10, retriable: false }))
const afterRetries = (error: Error) =>
  new KafkaJSNumberOfRetriesExceeded(error, { retryCount: 1, retryTime: 50 })
const notAcknowledged = Object.assign(new Error('no answer'), { name: 'KafkaNotAcknowledged' })

test.each([
  ['a refused connection', withCode('ECONNREFUSED'), 'outage'],
  ['a shut down database', withCode('57P01'), 'outage'],
  ['a broker that does not answer', notAcknowledged, 'outage'],
  ['a broker that is not there', new KafkaJSConnectionError('x'), 'outage'],
  ['and that after retries', afterRetries(new KafkaJSConnectionError('x')), 'outage'],
  ['a deadlock', withCode('40P01'), 'contention'],
  ['a lock timeout', withCode('55P03'), 'contention'],
  ['a statement timeout', withCode('57014'), 'own'],
  ['a constraint', withCode('23514'), 'own'],
  ['a text with a zero byte', withCode('22021'), 'own'],
  ['a mistake in our code', new TypeError('x is not a function'), 'own'],
  ['a record that is too large for the broker', refusedByBroker('MESSAGE_TOO_LARGE'), 'own'],
  ['and that after retries', afterRetries(refusedByBroker('INVALID_RECORD')), 'own'],
  ['a leader that moves', refusedByBroker('NOT_LEADER_FOR_PARTITION'), 'outage'],
  ['nothing', undefined, 'own'],
])('%s is classified', (_what, error, kind) => {
  expect(classifyFailure(error)).toBe(kind)
})
