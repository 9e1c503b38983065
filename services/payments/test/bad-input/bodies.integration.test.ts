import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf, validBody } from '../payment-of.ts'
import { type AttackedPayments, expectProblem, openAttackedPayments } from './attacked-payments.ts'

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

/** The amount as it is written, which JSON.stringify would tidy up. */
const withAmount = (text: string) => validBody().replace('9900', text)

describe('a body that is not said to be JSON', () => {
  test.each([
    [23, null],
    [23, ''],
    [23, 'application/xml'],
    [23, 'application/x-www-form-urlencoded'],
    [23, 'multipart/form-data; boundary=x'],
    [24, 'text/plain'],
    [24, 'text/plain; charset=utf-8'],
    [25, 'application/jsonx'],
    [25, 'application/vnd.api+json'],
    [25, 'application/merge-patch+json'],
    [25, 'text/plain, application/json'],
    [25, 'application/json\xff'],
    [25, 'json'],
  ])('#%i %j: 415', async (_number, type) => {
    const answer = await attacked.send({ headers: { 'content-type': type }, body: validBody() })
    expectProblem(answer, 415, 'unsupported-media-type')
  })

  test.each(['gzip', 'br', 'deflate, gzip', 'x'])('a content coding of %s: 415', async coding => {
    const answer = await attacked.send({
      headers: { 'content-encoding': coding },
      body: validBody(),
    })
    expectProblem(answer, 415, 'unsupported-media-type')
  })

  test.each([
    'application/json\t; x',
    ' application/json',
    'application/json;',
    'APPLICATION/JSON',
    'application/json; charset=UTF-8',
  ])('#25 %j is JSON, and is validated', async type => {
    const headers = { 'content-type': type }
    const refused = await attacked.send({ headers, body: withAmount('"9900"') })
    expectProblem(refused, 400, 'validation-error')
    await attacked.payHonestly(paymentOf(), headers)
  })

  test.each(['text/html', 'image/*;q=0', ''])(
    '#30 Accept: %j is answered in JSON',
    async accept => {
      const answer = await attacked.payHonestly(paymentOf(), { accept })
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
      expectProblem(await attacked.pay({}, { accept }), 400, 'validation-error')
    },
  )
})

describe('a body that is not Unicode', () => {
  const around = (bytes: number[]) => {
    const [before = '', after = ''] = validBody().split('pm_card_visa')
    return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
  }
  test.each([
    ['a byte that continues nothing', around([0x80])],
    ['a byte that is never one', around([0xff])],
    ['a character that is cut off', around([0xe2, 0x82])],
    ['a longer form than needed', around([0xc0, 0xaf])],
    ['half of a pair in UTF-8', around([0xed, 0xa0, 0x80])],
    ['beyond the last character', around([0xf4, 0x90, 0x80, 0x80])],
    ['Latin-1', Buffer.from('{"é":1}', 'latin1')],
    ['UTF-16 with its mark', Buffer.from('\ufeff{}', 'utf16le')],
  ])('#28 %s: 400', async (_what, body) => {
    expectProblem(await attacked.send({ body }), 400, 'invalid-encoding')
  })

  test.each(Object.keys(paymentOf()))('half of a surrogate pair in %s: 400', async field => {
    for (const half of ['\\ud800', 'a\\uDFFFa', '\\ude42\\ud83d']) {
      const body = validBody().replace(new RegExp(`("${field}":)("[^"]*"|\\d+)`), `$1"${half}"`)
      expectProblem(await attacked.send({ body }), 400, 'invalid-encoding')
    }
  })

  test('#29 a byte order mark is dropped', async () => {
    const body = paymentOf()
    const answer = await attacked.send({ body: `\ufeff${JSON.stringify(body)}` })
    expect(answer.status).toBe(201)
    attacked.meant.paid.push(body.publicationId)
    expectProblem(
      await attacked.send({ body: `\ufeff\ufeff${validBody()}` }),
      400,
      'malformed-json',
    )
  })
})

describe('a body that is not JSON', () => {
  test.each<[number, string, () => string]>([
    [31, 'nothing', () => ''],
    [31, 'blanks', () => ' \r\n\t'],
    [31, 'a truncated one', () => validBody().slice(0, -1)],
    [31, 'something behind it', () => `${validBody()}x`],
    [31, 'two of them', () => validBody() + validBody()],
    [31, 'a comment', () => `/* */ ${validBody()}`],
    [31, 'a comma at the end', () => validBody().replace('}', ',}')],
    [31, 'NaN', () => withAmount('NaN')],
    [31, 'Infinity', () => withAmount('Infinity')],
    [31, 'a hexadecimal number', () => withAmount('0x10')],
    [31, 'a zero in front', () => withAmount('09900')],
    [31, 'a plus in front', () => withAmount('+9900')],
    [31, 'single quotes', () => validBody().replaceAll('"', "'")],
    [31, 'a raw line break in text', () => validBody().replace('pm_card', 'pm\n')],
    [34, '__proto__', () => validBody().replace('{', '{"__proto__":{"x":1},')],
    [34, 'a hidden __proto__', () => validBody().replace('{', '{"\\u005f_proto__":{"x":1},')],
    [
      34,
      'constructor.prototype',
      () => validBody().replace('{', '{"constructor":{"prototype":{}},'),
    ],
    [66, 'a raw NUL in text', () => validBody().replace('pm_card', 'pm\0')],
  ])('#%i %s: 400', async (_number, _what, body) => {
    expectProblem(await attacked.send({ body: body() }), 400, 'malformed-json')
  })

  test.each(['null', '[]', '[{}]', '"x"', '5', 'true', '{}'])('#32 %s: 400', async body => {
    expectProblem(await attacked.send({ body }), 400, 'validation-error')
  })

  test.each([
    ['with Content-Length', {}, (text: string) => text],
    [
      'in chunks',
      { 'content-length': null, 'transfer-encoding': 'chunked' },
      (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    ],
  ])('#37 20 KB %s: 413', async (_what, headers, encode) => {
    const body = encode(JSON.stringify(paymentOf({ cardToken: 'x'.repeat(20_480) })))
    expectProblem(await attacked.send({ headers, body }), 413, 'payload-too-large')
  })
})

describe('a body that is expensive', () => {
  const cheapMs = 50
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const names = (nameOf: (i: number) => string, count: number) =>
    `{${Array.from({ length: count }, (_, i) => `"${nameOf(i)}":0`).join()}}`
  test.each([
    [36, 'nested 5 000 times', deep(5_000), 400, 'validation-error'],
    [36, 'nested in a field', withAmount(deep(5_000)), 400, 'validation-error'],
    [36, 'nested 5 000 times, and not closed', '['.repeat(5_000), 400, 'malformed-json'],
    [36, 'nested 500 000 times', deep(500_000), 413, 'payload-too-large'],
    [
      36,
      'nested, with __proto__',
      `${'{"a":'.repeat(2_000)}{"__proto__":1}${'}'.repeat(2_000)}`,
      400,
      'malformed-json',
    ],
    [
      36,
      'nested, with half a pair',
      `${'['.repeat(5_000)}"\\ud800"${']'.repeat(5_000)}`,
      400,
      'invalid-encoding',
    ],
    [
      38,
      'objects in objects',
      `${'{"a":'.repeat(2_000)}0${'}'.repeat(2_000)}`,
      400,
      'validation-error',
    ],
    [38, 'of 1 500 names', names(i => `f${i}`, 1_500), 400, 'validation-error'],
    [
      38,
      'of names that are numbers',
      names(i => String(i * 4_096), 1_200),
      400,
      'validation-error',
    ],
    [38, 'of a hundred thousand names', names(i => `f${i}`, 100_000), 413, 'payload-too-large'],
  ])('#%i %s: refused in 50 ms', async (_number, _what, body, status, slug) => {
    // The quickest of a few: a busy machine makes one slow, and an expensive body all of them.
    const tookMs: number[] = []
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const startedMs = performance.now()
      expectProblem(await attacked.send({ body }), status, slug)
      tookMs.push(performance.now() - startedMs)
    }
    expect(Math.min(...tookMs)).toBeLessThan(cheapMs)
  })

  test('a thousand mistakes do not get an answer of a thousand lines', async () => {
    const answer = await attacked.send({ body: names(i => `f${i}`, 1_000) })
    expect(answer.body.length).toBeLessThan(4_096)
  })
})

describe('money', () => {
  test.each([
    [41, '49.99'],
    [41, '-1'],
    [41, '0'],
    [41, '-0'],
    [41, '0.1'],
    [41, '1e-1'],
    [42, '"4900"'],
    [43, 'true'],
    [44, '[4900]'],
    [44, '{"value":4900}'],
    [45, 'null'],
    [46, '100000000'],
    [46, '1e21'],
    [46, '99999999.5'],
  ])('#%i an amount of %s: 400', async (_number, amount) => {
    const answer = await attacked.send({ body: withAmount(amount) })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/amountCents')
  })

  // serde-rs/json#762: a proxy that reads the first of two names may have checked another amount.
  test.each(['9007199254740993', '1e400', '4900.0000000000000001', '4900,"amountCents":1'])(
    'an amount of %s can be read in two ways: 400',
    async amount => {
      const answer = await attacked.send({ body: withAmount(amount) })
      expectProblem(answer, 400, 'ambiguous-json')
    },
  )

  test.each(['4900.0', '49e2', '4.9E+3', '490000e-2'])('#47 %s is 4900', async written => {
    const body = paymentOf()
    const text = JSON.stringify(body).replace('9900', written)
    const answer = await attacked.send({ body: text })
    expect([answer.status, answer.json.amountCents]).toEqual([201, 4_900])
    attacked.meant.paid.push(body.publicationId)
  })

  test.each([
    ...['eur', 'EURO', 'XXX', 'BTC', '\u0415UR', ' EUR', 'EUR ', 'EUR\n', '', '\uff25\uff35\uff32'],
    ...['JPY', 'KWD', 'ISK', 'USD'],
    ...[978, null, ['EUR'], { code: 'EUR' }, true],
  ])('#48 #49 a currency of %j: 400', async currency => {
    const answer = await attacked.pay(paymentOf({ currency }))
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/currency')
  })

  test.each([50, 99_999_999])('#52 %i cents are as many everywhere', async amountCents => {
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

describe('what a caller may not say', () => {
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
  ])('#35 a field %j: 400', async (name, value) => {
    const answer = await attacked.pay({ ...paymentOf(), [name]: value })
    expectProblem(answer, 400, 'validation-error')
    const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    expect(answer.json.errors[0].pointer).toBe(pointer)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  const fields = ['listingId', 'publicationId', 'currency', 'cardToken'] as const
  test.each([
    [66, 'a\u0000b'],
    [68, 'pm_\u202egnp.exe'],
    [68, 'pm_\u200bcard'],
    [68, `e${'\u0301'.repeat(200)}`],
    [68, '\u0440m_card_visa'],
    [69, 'caf\u00e9'],
    [69, 'cafe\u0301'],
    [70, '\u{1f642}'.repeat(140)],
    [71, "1' OR '1'='1"],
    [71, 'x; DROP TABLE payments; --'],
    [71, '%'],
    [71, '(select 1)'],
    [72, `${'a'.repeat(10_000)}!`],
    [73, 'a@b.com\r\nBcc: x@y.z'],
    [74, '<script>alert(1)</script>'],
    [74, '{{7*7}} #{7*7}'],
    [74, '[x](javascript:alert(1))'],
    [75, '=cmd|calc!A0'],
    [76, '\n{"level":"error","event":"forged"}'],
    [77, 'pay_01ARZ3NDEKTSV4RRFFQ69G5FAV'],
    [77, '4242424242424242'],
  ])('#%i %j in any text: 400, and it is not repeated', async (_number, text) => {
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
  ])('#71 #76 #77 an id of %s is as absent as one that never was', async id => {
    const [strange, absent] = await Promise.all(
      [id, paymentOf().listingId].map(each =>
        attacked.send({ method: 'GET', target: `/v1/payments/${each}` }),
      ),
    )
    if (!strange || !absent) throw new Error('both were asked')
    expectProblem(strange, 404, 'not-found')
    expectProblem(absent, 404, 'not-found')
  })

  test("#77 another tenant's payment is absent, in the same words", async () => {
    const { json } = await attacked.payHonestly()
    const authorization = `Bearer ${attacked.system.apiKeys.northwind}`
    const ask = (id: string) =>
      attacked.send({ method: 'GET', target: `/v1/payments/${id}`, headers: { authorization } })
    const [foreign, absent] = [await ask(json.paymentId), await ask(paymentOf().listingId)]
    expectProblem(foreign, 404, 'not-found')
    expect({ ...foreign.json, instance: '' }).toEqual({ ...absent.json, instance: '' })
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
  ])('#76 a header %s: %.40s changes nothing', async (name, value) => {
    await attacked.payHonestly(paymentOf(), { [name]: value })
  })
})

test('after all of these, only what was meant was charged', () => attacked.expectOnlyWhatWasMeant())
