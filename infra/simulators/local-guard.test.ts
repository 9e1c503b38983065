import { expect, test } from 'vitest'
import { describeRefused } from './local-guard.ts'

test('the line of a 401 says why and from which address, and shows no token', () => {
  const ip = '127.0.0.1'
  expect(describeRefused({ headers: {}, ip }, 401)).toEqual({ reason: 'no_token', peer: ip })
  const wrong = { headers: { authorization: 'Bearer wrong' }, ip }
  expect(describeRefused(wrong, 401)).toEqual({ reason: 'unknown_token', peer: ip })
  expect(describeRefused(wrong, 200)).toEqual({})
})
