import { buildApp as buildListings } from '@nightshift/listings/app'
import { buildApp as buildNotifications } from '@nightshift/notifications/app'
import { buildApp as buildPayments } from '@nightshift/payments/app'
import { expect, test } from 'vitest'
import { nothingBehind } from './nothing-behind.ts'

type Content = { content?: Readonly<Record<string, object>> }
type Operation = { responses?: Readonly<Record<string, Content>> }
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

test.each([
  ['payments', buildPayments],
  ['listings', buildListings],
  ['notifications', buildNotifications],
] as const)('%s: the reference says of each refusal that it is a problem', async (name, build) => {
  const app = await build(nothingBehind(name) as never)
  await app.ready()
  const operations = Object.values(app.swagger().paths as Paths).flatMap(methods =>
    Object.values(methods),
  )
  expect(operations).not.toEqual([])
  for (const { responses = {} } of operations) {
    const refusals = Object.entries(responses).filter(([status]) => /^[45]/.test(status))
    expect(refusals.map(([status]) => status)).toEqual(expect.arrayContaining(['4XX', '503']))
    for (const [, { content = {} }] of refusals) {
      expect(Object.keys(content)).toEqual(['application/problem+json'])
    }
  }
  await app.close()
})
