import { randomUUID } from 'node:crypto'
import { as, call, draftListing } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['listings'] })
})
afterAll(() => system[Symbol.asyncDispose]())

const url = (path: string) => `${system.urls.listings}${path}`

describe('a draft', () => {
  test.each([
    ['a status', { status: 'live' }],
    ['a tenant', { tenantId: randomUUID() }],
    ['an id', { listingId: randomUUID() }],
    ['an unknown area', { area: 'mars' }],
    ['a salary as text', { salaryMinEurPerYear: '80000' }],
    ['a line break in the title', { title: 'a\nb' }],
    ['a NUL in the description', { description: 'a\u0000b' }],
    ['a change of direction in the title', { title: 'abc\u202etxt' }],
    ['an empty title', { title: '' }],
    ['a C1 control in the title', { title: 'a\u009bb' }],
    ['a next line in the title', { title: 'a\u0085b' }],
    ['a line separator in the title', { title: 'a\u2028b' }],
    ['a title of spaces', { title: '  \u00a0 ' }],
    ['an invisible title', { title: '\u200b' }],
    ['an invisible company', { company: '\u3164\u3164' }],
    ['a description of line breaks', { description: '\n\t\r\n' }],
    ['a C1 control in the description', { description: 'a\u0090b' }],
    ['half a flag in the company', { company: 'a\u{1F3F4}\u{E0067}' }],
  ])('with %s is refused', async (_what, changes) => {
    const answer = await call('POST', url('/v1/listings'), {
      headers: as(system, 'acme'),
      body: draftListing(changes),
    })
    expect(answer.status).toBe(400)
    expect(answer.json.type).toBe('/problems/validation-error')
  })

  test('keeps every character of ordinary text', async () => {
    const written = {
      title: 'Ärztin (m/w/d) 👩‍⚕️ — “Köln” 🏴󠁧󠁢󠁥󠁮󠁧󠁿',
      company: 'شرکت می‌خواهم & Söhne',
      description: 'ប្រាក់\u200bខែ\r\n\tDonau\u00addampfschiff\u2028€ 100k',
    }
    const headers = as(system, 'acme')
    const answer = await call('POST', url('/v1/listings'), { headers, body: draftListing(written) })
    expect([answer.status, answer.json]).toEqual([201, expect.objectContaining(written)])
  })

  test('with a maximum salary below the minimum is refused', async () => {
    const answer = await call('POST', url('/v1/listings'), {
      headers: as(system, 'acme'),
      body: draftListing({ salaryMinEurPerYear: 100_000, salaryMaxEurPerYear: 50_000 }),
    })
    expect(answer.status).toBe(422)
  })
})
