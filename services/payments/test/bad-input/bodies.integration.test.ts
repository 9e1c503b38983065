import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf, validBody } from '../payment-of.ts'
import { type AttackedPayments, expectProblem, openAttackedPayments } from './attacked-payments.ts'

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

/** A body with this spelling of the amount, which JSON.stringify would normalize. */
const withAmount = (text: string) => validBody().replace('9900', text)

describe('a body of another media type', () => {
  test.each([
    null,
    '',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/plain; charset=utf-8',
    'application/jsonx',
    'application/vnd.api+json',
    'application/merge-patch+json',
    'text/plain, application/json',
    'application/json\xff',
    'json',
  ])('%j is refused', async type => {
    const answer = await attacked.send({ headers: { 'content-type': type }, body: validBody() })
    expectProblem(answer, 415, 'unsupported-media-type')
  })

  test.each(['gzip', 'br', 'deflate, gzip', 'x'])(
    'a content coding of %s is refused',
    async coding => {
      const answer = await attacked.send({
        headers: { 'content-encoding': coding },
        body: validBody(),
      })
      expectProblem(answer, 415, 'unsupported-media-type')
    },
  )

  test.each([
    'application/json\t; x',
    ' application/json',
    'application/json;',
    'APPLICATION/JSON',
    'application/json; charset=UTF-8',
  ])('%j is JSON and is validated', async type => {
    const headers = { 'content-type': type }
    const refused = await attacked.send({ headers, body: withAmount('"9900"') })
    expectProblem(refused, 400, 'validation-error')
    await attacked.payHonestly(paymentOf(), headers)
  })

  test.each(['text/html', 'image/*;q=0', ''])(
    'a request with Accept: %j is answered in JSON',
    async accept => {
      const answer = await attacked.payHonestly(paymentOf(), { accept })
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
      expectProblem(await attacked.pay({}, { accept }), 400, 'validation-error')
    },
  )
})

describe('a body that is not UTF-8', () => {
  const around = (bytes: number[]) => {
    const [before = '', after = ''] = validBody().split('pm_card_visa')
    return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
  }
  test.each([
    ['a lone continuation byte', around([0x80])],
    ['a byte that UTF-8 never uses', around([0xff])],
    ['a truncated character', around([0xe2, 0x82])],
    ['an overlong encoding', around([0xc0, 0xaf])],
    ['half of a surrogate pair in UTF-8', around([0xed, 0xa0, 0x80])],
    ['a code point beyond U+10FFFF', around([0xf4, 0x90, 0x80, 0x80])],
    ['Latin-1', Buffer.from('{"é":1}', 'latin1')],
    ['UTF-16 with a byte order mark', Buffer.from('\ufeff{}', 'utf16le')],
  ])('with %s is refused', async (_what, body) => {
    expectProblem(await attacked.send({ body }), 400, 'invalid-encoding')
  })

  test.each(Object.keys(paymentOf()))(
    'with an escaped half of a surrogate pair in %s is refused',
    async field => {
      for (const half of ['\\ud800', 'a\\uDFFFa', '\\ude42\\ud83d']) {
        const body = validBody().replace(new RegExp(`("${field}":)("[^"]*"|\\d+)`), `$1"${half}"`)
        expectProblem(await attacked.send({ body }), 400, 'invalid-encoding')
      }
    },
  )

  test('is accepted with one byte order mark, and refused with two', async () => {
    const body = paymentOf()
    const answer = await attacked.send({ body: `\ufeff${JSON.stringify(body)}` })
    expect(answer.status).toBe(201)
    attacked.intended.paid.push(body.publicationId)
    expectProblem(
      await attacked.send({ body: `\ufeff\ufeff${validBody()}` }),
      400,
      'malformed-json',
    )
  })
})

describe('a body that is no payment', () => {
  test.each<[string, () => string]>([
    ['no characters', () => ''],
    ['only white space', () => ' \r\n\t'],
    ['a missing end', () => validBody().slice(0, -1)],
    ['text behind the object', () => `${validBody()}x`],
    ['two objects', () => validBody() + validBody()],
    ['a comment', () => `/* */ ${validBody()}`],
    ['a trailing comma', () => validBody().replace('}', ',}')],
    ['NaN', () => withAmount('NaN')],
    ['Infinity', () => withAmount('Infinity')],
    ['a hexadecimal number', () => withAmount('0x10')],
    ['a leading zero', () => withAmount('09900')],
    ['a leading plus', () => withAmount('+9900')],
    ['single quotes', () => validBody().replaceAll('"', "'")],
    ['a raw line break in text', () => validBody().replace('pm_card', 'pm\n')],
    ['a field __proto__', () => validBody().replace('{', '{"__proto__":{"x":1},')],
    ['an escaped field __proto__', () => validBody().replace('{', '{"\\u005f_proto__":{"x":1},')],
    [
      'a field constructor.prototype',
      () => validBody().replace('{', '{"constructor":{"prototype":{}},'),
    ],
    ['a raw NUL in text', () => validBody().replace('pm_card', 'pm\0')],
  ])('with %s is refused', async (_what, body) => {
    expectProblem(await attacked.send({ body: body() }), 400, 'malformed-json')
  })

  test.each(['null', '[]', '[{}]', '"x"', '5', 'true', '{}'])('but %s is refused', async body => {
    expectProblem(await attacked.send({ body }), 400, 'validation-error')
  })

  test.each([
    ['with Content-Length', {}, (text: string) => text],
    [
      'in chunks',
      { 'content-length': null, 'transfer-encoding': 'chunked' },
      (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    ],
  ])('but 20 KB %s is refused', async (_what, headers, encode) => {
    const body = encode(JSON.stringify(paymentOf({ cardToken: 'x'.repeat(20_480) })))
    expectProblem(await attacked.send({ headers, body }), 413, 'payload-too-large')
  })
})

describe('a body that is expensive to parse', () => {
  const quickMs = 50
  const attemptsMax = 40
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const names = (nameOf: (i: number) => string, count: number) =>
    `{${Array.from({ length: count }, (_, i) => `"${nameOf(i)}":0`).join()}}`
  test.each([
    ['nested 5,000 times', deep(5_000), 400, 'validation-error'],
    ['nested 5,000 times in a field', withAmount(deep(5_000)), 400, 'validation-error'],
    ['nested 5,000 times and not closed', '['.repeat(5_000), 400, 'malformed-json'],
    ['nested 500,000 times', deep(500_000), 413, 'payload-too-large'],
    [
      'nested 2,000 times around __proto__',
      `${'{"a":'.repeat(2_000)}{"__proto__":1}${'}'.repeat(2_000)}`,
      400,
      'malformed-json',
    ],
    [
      'nested 5,000 times around half of a surrogate pair',
      `${'['.repeat(5_000)}"\\ud800"${']'.repeat(5_000)}`,
      400,
      'invalid-encoding',
    ],
    [
      'nested as 2,000 objects',
      `${'{"a":'.repeat(2_000)}0${'}'.repeat(2_000)}`,
      400,
      'validation-error',
    ],
    ['of 1,500 fields', names(i => `f${i}`, 1_500), 400, 'validation-error'],
    [
      'of 1,200 fields with numbers as names',
      names(i => String(i * 4_096), 1_200),
      400,
      'validation-error',
    ],
    ['of 100,000 fields', names(i => `f${i}`, 100_000), 413, 'payload-too-large'],
  ])('is refused in 50 ms: %s', async (_what, body, status, slug) => {
    // Only the quickest counts: a busy machine slows many attempts down, an expensive body all of
    // them.
    let quickestMs = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < attemptsMax && quickestMs >= quickMs; attempt += 1) {
      const startedMs = performance.now()
      expectProblem(await attacked.send({ body }), status, slug)
      quickestMs = Math.min(quickestMs, performance.now() - startedMs)
    }
    expect(quickestMs).toBeLessThan(quickMs)
  })

  test('gets a short answer, even with a thousand mistakes', async () => {
    const answer = await attacked.send({ body: names(i => `f${i}`, 1_000) })
    expect(answer.body.length).toBeLessThan(4_096)
  })
})

describe('an amount of money', () => {
  test.each([
    '49.99',
    '-1',
    '0',
    '-0',
    '0.1',
    '1e-1',
    '"4900"',
    'true',
    '[4900]',
    '{"value":4900}',
    'null',
    '100000000',
    '1e21',
    '99999999.5',
  ])('written as %s is refused', async amount => {
    const answer = await attacked.send({ body: withAmount(amount) })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/amountCents')
  })

  // A proxy that reads the first of two equal names may have checked another amount
  // (serde-rs/json#762).
  test.each(['9007199254740993', '1e400', '4900.0000000000000001', '4900,"amountCents":1'])(
    'written as %s is ambiguous and refused',
    async amount => {
      const answer = await attacked.send({ body: withAmount(amount) })
      expectProblem(answer, 400, 'ambiguous-json')
    },
  )

  test.each(['4900.0', '49e2', '4.9E+3', '490000e-2'])('written as %s is 4900', async written => {
    const body = paymentOf()
    const text = JSON.stringify(body).replace('9900', written)
    const answer = await attacked.send({ body: text })
    expect([answer.status, answer.json.amountCents]).toEqual([201, 4_900])
    attacked.intended.paid.push(body.publicationId)
  })

  const realCurrencies = ['JPY', 'KWD', 'ISK', 'USD']
  const misspelled = ['eur', 'EURO', ' EUR', 'EUR ', 'EUR\n', '', '\u0415UR', '\uff25\uff35\uff32']
  const otherTypes = [978, null, ['EUR'], { code: 'EUR' }, true]

  test.each([...realCurrencies, ...misspelled, ...otherTypes, 'XXX', 'BTC'])(
    'in a currency of %j is refused',
    async currency => {
      const answer = await attacked.pay(paymentOf({ currency }))
      expectProblem(answer, 400, 'validation-error')
      expect(answer.json.errors[0].pointer).toBe('/currency')
    },
  )

  test.each([50, 99_999_999])('of %i cents is the same in every place', async amountCents => {
    const body = paymentOf({ amountCents })
    const { json } = await attacked.payHonestly(body)
    expect(json.amountCents).toBe(amountCents)
    const target = `/v1/payments/${json.paymentId}`
    const found = await attacked.send({ method: 'GET', target })
    expect(found.json.amountCents).toBe(amountCents)
    const { rows } = await attacked.database.query(
      'SELECT amount_cents::text FROM payments WHERE payment_id = $1',
      [json.paymentId],
    )
    expect(rows).toEqual([{ amount_cents: String(amountCents) }])
  })
})

describe('an unexpected value', () => {
  test.each<[string, unknown]>([
    ['status', 'captured'],
    ['tenantId', paymentOf().listingId],
    ['tenant_id', paymentOf().listingId],
    ['id', paymentOf().listingId],
    ['paymentId', paymentOf().listingId],
    ['version', 7],
    ['createdAt', '2020-01-01T00:00:00Z'],
    ['isAdmin', true],
    ['amountcents', 1],
    ['amountCents ', 1],
    ['toString', 'x'],
    ['constructor', 'x'],
    ['', 'x'],
    ['a/b~c', 'x'],
  ])('in an unknown field %j is refused', async (name, value) => {
    const answer = await attacked.pay({ ...paymentOf(), [name]: value })
    expectProblem(answer, 400, 'validation-error')
    const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    expect(answer.json.errors[0].pointer).toBe(pointer)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  const fields = ['listingId', 'publicationId', 'currency', 'cardToken'] as const
  test.each([
    'a\u0000b',
    'pm_\u202egnp.exe',
    'pm_\u200bcard',
    `e${'\u0301'.repeat(200)}`,
    '\u0440m_card_visa',
    'caf\u00e9',
    'cafe\u0301',
    ['\u{1f642}'.repeat(140)],
    "1' OR '1'='1",
    'x; DROP TABLE payments; --',
    '%',
    '(select 1)',
    `${'a'.repeat(10_000)}!`,
    'a@b.com\r\nBcc: x@y.z',
    '<script>alert(1)</script>',
    '{{7*7}} #{7*7}',
    '[x](javascript:alert(1))',
    '=cmd|calc!A0',
    '\n{"level":"error","event":"forged"}',
    'pay_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    '4242424242424242',
  ])('of %j in a text field is refused and not echoed', async text => {
    for (const field of fields) {
      const answer = await attacked.pay(paymentOf({ [field]: text }))
      expectProblem(answer, 400, 'validation-error')
      expect(answer.json.errors[0].pointer).toBe(`/${field}`)
      expect(answer.body).not.toContain(JSON.stringify(text).slice(1, -1))
    }
  })

  test.each([
    'pay_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'A0000000-0000-4000-8000-000000000000',
    '00000000000000000000000000000000',
    '{00000000-0000-4000-8000-000000000000}',
    '1%27%20OR%20%271%27=%271',
    '%25',
    '..%2f..%2fetc%2fpasswd',
    '%0a%7b%22level%22:%22error%22%7d',
    'null',
    '0',
    '-1',
  ])('of %s as an id is answered like an unknown id', async id => {
    const [malformed, unknown] = await Promise.all(
      [id, paymentOf().listingId].map(each =>
        attacked.send({ method: 'GET', target: `/v1/payments/${each}` }),
      ),
    )
    if (!malformed || !unknown) throw new Error('both requests have an answer')
    expectProblem(malformed, 404, 'not-found')
    expectProblem(unknown, 404, 'not-found')
  })

  test("such as the id of another tenant's payment is answered like an unknown id", async () => {
    const { json } = await attacked.payHonestly()
    const authorization = `Bearer ${attacked.system.apiKeys.northwind}`
    const read = (id: string) =>
      attacked.send({ method: 'GET', target: `/v1/payments/${id}`, headers: { authorization } })
    const [foreign, unknown] = [await read(json.paymentId), await read(paymentOf().listingId)]
    expectProblem(foreign, 404, 'not-found')
    expect({ ...foreign.json, instance: '' }).toEqual({ ...unknown.json, instance: '' })
  })

  test.each([
    ['traceparent', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`],
    ['traceparent', '\n{"level":"error"}'.trim()],
    ['traceparent', 'x'.repeat(8_000)],
    ['x-request-timeout-ms', '-1'],
    ['x-request-timeout-ms', 'NaN'],
    ['x-request-timeout-ms', '1e99'],
    ['x-request-timeout-ms', '99999999999999999999'],
    ['user-agent', '{"level":"error","event":"forged"}'],
    ['nightshift-tenant', paymentOf().listingId],
    ['cookie', "a=1' OR '1'='1"],
  ])('in the header %s: %.40s has no effect', async (name, value) => {
    await attacked.payHonestly(paymentOf(), { [name]: value })
  })
})

test('in the end, only intended payments were charged', () => attacked.expectOnlyIntendedEffects())
