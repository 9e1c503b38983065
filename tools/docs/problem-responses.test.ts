import { serviceNames } from '@nightshift/local/system/secrets'
import { expect, test } from 'vitest'
import { openServiceApp } from './service-apps.ts'

type Content = { content?: Readonly<Record<string, object>> }
type Operation = { responses?: Readonly<Record<string, Content>> }
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

test.each(serviceNames)('%s: the reference describes each refusal as a problem', async name => {
  await using app = await openServiceApp(name)
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
})
