import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Simulator } from '../../start-simulator.ts'
import { startSimulator } from '../../start-simulator.ts'

const main = new URL('../src/main.ts', import.meta.url)
export const secretKey = 'sk_test_only'
/** Long enough to be sure that no answer comes, short enough for a test. */
export const patienceMs = 200
/** An answer that comes byte by byte takes seconds when other programs have the processor. */
const chargeDeadlineMs = 15_000

// biome-ignore lint/suspicious/noExplicitAny: each test asserts on the shape of the body it asked for
export type Answer = { status: number; headers: Headers; body: any }

type Fields = Readonly<Record<string, string>>
type PostOptions = { key?: string; timeoutMs?: number }

/** A card provider that runs, and what tests ask of it. */
export type Provider = Simulator &
  Readonly<{
    /** Charges 99 euros unless the fields say otherwise; an empty key is no key. */
    charge: (payment: string, fields?: Fields, options?: PostOptions) => Promise<Answer>
    /** Charges and expects that no answer comes. */
    chargeInSilence: (payment: string, fields?: Fields, options?: PostOptions) => Promise<void>
    /** Posts a form below /v1 with the secret key; an empty key for idempotency is none. */
    post: (path: string, fields?: Fields, options?: PostOptions) => Promise<Answer>
    /** Posts it and expects that no answer comes. */
    postInSilence: (path: string, fields?: Fields, options?: PostOptions) => Promise<void>
    turn: (settings: object) => Promise<Answer>
    /** Everything at rest. */
    rest: () => Promise<Answer>
    get: (path: string) => Promise<Answer>
    // biome-ignore lint/suspicious/noExplicitAny: each test asserts on the lines it caused
    linesOf: (payment: string) => Promise<any[]>
    /** The types of the lines about a payment, in order. */
    providerLogOf: (payment: string) => Promise<string[]>
  }>

let counter = 0

/** A payment that no other test of this file knows. */
export function unique(): string {
  counter += 1
  return `payment-${counter}`
}

/** Provider logs in a directory of their own, and the providers that run on them. */
export type Providers = AsyncDisposable &
  Readonly<{
    /** Where a file of this name lies, be it there or not. */
    file: (name: string) => string
    /** Starts the real process on the provider log of this name; `env` instead of the usual settings. */
    start: (name: string, env?: Env) => Promise<Provider>
  }>

type Env = Readonly<Record<string, string>>

/** Whatever a test leaves running ends when this is disposed of. */
export async function openProviders(usual: Env = {}): Promise<Providers> {
  const open = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'card-provider-'))
  open.defer(() => rm(directory, { recursive: true }))
  const file = (name: string) => join(directory, name)
  return {
    file,
    start: async (name, env = usual) =>
      open.adopt(await startProvider(file(name), env), each => each.kill()),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

export async function answerOf(responding: Promise<Response>): Promise<Answer> {
  const response = await responding
  return { status: response.status, headers: response.headers, body: await response.json() }
}

async function startProvider(providerLog: string, env: Env): Promise<Provider> {
  const process = await startSimulator(main, {
    SECRET_KEY: secretKey,
    PROVIDER_LOG: providerLog,
    ...env,
  })
  const { url } = process

  const post: Provider['post'] = (
    path,
    fields = {},
    { key = '', timeoutMs = chargeDeadlineMs } = {},
  ) =>
    answerOf(
      fetch(`${url}/v1${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${secretKey}`,
          ...(key === '' ? {} : { 'idempotency-key': key }),
        },
        body: new URLSearchParams(fields),
        signal: AbortSignal.timeout(timeoutMs),
      }),
    )
  const charge: Provider['charge'] = (payment, fields = {}, options = {}) =>
    post(
      '/payment_intents',
      {
        ...{ amount: '9900', currency: 'eur', payment_method: 'pm_card_visa', confirm: 'true' },
        ...{ 'metadata[payment_id]': payment },
        ...fields,
      },
      { key: `key-${payment}`, ...options },
    )
  const get = (path: string) => {
    const headers = path.startsWith('/v1/') ? { authorization: `Bearer ${secretKey}` } : {}
    return answerOf(fetch(`${url}${path}`, { headers }))
  }
  const linesOf = async (payment: string) => (await get(`/log?payment_id=${payment}`)).body.lines

  return {
    ...process,
    charge,
    post,
    async postInSilence(path, fields, options) {
      const silent = post(path, fields, { timeoutMs: patienceMs, ...options })
      await expect(silent).rejects.toThrow('timeout')
    },
    async chargeInSilence(payment, fields, options) {
      const silent = charge(payment, fields, { timeoutMs: patienceMs, ...options })
      await expect(silent).rejects.toThrow('timeout')
    },
    turn: settings =>
      answerOf(
        fetch(`${url}/settings`, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(settings),
        }),
      ),
    rest: () => answerOf(fetch(`${url}/settings/reset`, { method: 'POST' })),
    get,
    linesOf,
    providerLogOf: async payment =>
      (await linesOf(payment)).map(({ type }: { type: string }) => type),
  }
}
