import { expect, test } from 'vitest'
import { clientOf } from './client-of.ts'

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s is of the client %s', (remoteAddress, client) => {
  expect(clientOf({ socket: { remoteAddress }, headers: {} }, false)).toBe(client)
})

const socket = { remoteAddress: '127.0.0.1' }

test('without a proxy, what a client says about its address counts for nothing', () => {
  const headers = { 'x-forwarded-for': '192.0.2.7' }
  expect(clientOf({ socket, headers }, false)).toBe('127.0.0.1')
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['10.0.0.1, 192.0.2.7', '192.0.2.7'],
  [undefined, '127.0.0.1'],
  ['', '127.0.0.1'],
])('behind a proxy, of %j its own last word counts', (forwarded, client) => {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  expect(clientOf({ socket, headers }, true)).toBe(client)
})
