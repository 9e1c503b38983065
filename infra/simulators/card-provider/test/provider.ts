import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Simulator } from '../../start-simulator.ts'
import { startSimulator, withToken } from '../../start-simulator.ts'

const main = new URL('../src/main.ts', import.meta.url)
export const secretKey = 'sk_test_only'
/** Long enough to be sure that no answer comes, and short enough for a test. */
export const noAnswerMs = 200
/** A byte-by-byte answer takes seconds while other programs use the processor. */
const chargeDeadlineMs = 15_000

// biome-ignore lint/suspicious/noExplicitAny: each test asserts on the shape of the body it requested
export type Answer = { status: number; headers: Headers; body: any }

type Fields = Readonly<Record<string, string>>
type PostOptions = { key?: string; timeoutMs?: number }

/** A running card provider, with the requests that tests make to it. */
export type Provider = Simulator &
  Readonly<{
    /** Charges 99 euros unless the fields say otherwise. An empty `key` means no key. */
    charge: (payment: string, fields?: Fields, options?: PostOptions) => Promise<Answer>
    /** Charges and expects no answer. */
    chargeUnanswered: (payment: string, fields?: Fields, options?: PostOptions) => Promise<void>
    /** Posts a form below /v1 with the secret key. An empty `key` means no idempotency key. */
    post: (path: string, fields?: Fields, options?: PostOptions) => Promise<Answer>
    /** Posts a form and expects no answer. */
    postUnanswered: (path: string, fields?: Fields, options?: PostOptions) => Promise<void>
    changeSettings: (settings: object) => Promise<Answer>
    resetSettings: () => Promise<Answer>
    get: (path: string) => Promise<Answer>
    /** Reads the lines of the provider log about a payment, in order. */
    // biome-ignore lint/suspicious/noExplicitAny: each test asserts on the lines it caused
    linesOf: (payment: string) => Promise<any[]>
    /** Reads the types of these lines. */
    typesOf: (payment: string) => Promise<string[]>
  }>

let counter = 0

/** Makes an id of a payment that no other test of this file uses. */
export function newPayment(): string {
  counter += 1
  return `payment-${counter}`
}

/** Provider logs in a temporary directory, and the providers that write them. */
export type Providers = AsyncDisposable &
  Readonly<{
    /** The path of a file in the directory, whether it exists or not. */
    file: (name: string) => string
    /** Starts a provider with this log. `env` replaces the usual environment. */
    start: (name: string, env?: Env) => Promise<Provider>
  }>

type Env = Readonly<Record<string, string>>

/** Disposing of it ends every provider that a test left running. */
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
  const required = { SECRET_KEY: secretKey, PROVIDER_LOG: providerLog }
  const process = await startSimulator(main, { ...required, ...env })
  const { url } = process
  const authorization = `Bearer ${secretKey}`

  const post: Provider['post'] = (
    path,
    fields = {},
    { key = '', timeoutMs = chargeDeadlineMs } = {},
  ) =>
    answerOf(
      fetch(`${url}/v1${path}`, {
        method: 'POST',
        headers: { authorization, ...(key !== '' && { 'idempotency-key': key }) },
        body: new URLSearchParams(fields),
        signal: AbortSignal.timeout(timeoutMs),
      }),
    )
  const charge: Provider['charge'] = (payment, fields = {}, options = {}) =>
    post(
      '/payment_intents',
      {
        amount: '9900',
        currency: 'eur',
        payment_method: 'pm_card_visa',
        confirm: 'true',
        'metadata[payment_id]': payment,
        ...fields,
      },
      { key: `key-${payment}`, ...options },
    )
  const get = (path: string) => {
    const headers = path.startsWith('/v1/') ? { authorization } : {}
    return answerOf(fetch(`${url}${path}`, { headers }))
  }
  const linesOf = async (payment: string) => (await get(`/log?payment_id=${payment}`)).body.lines

  return {
    ...process,
    charge,
    post,
    async postUnanswered(path, fields, options) {
      const unanswered = post(path, fields, { timeoutMs: noAnswerMs, ...options })
      await expect(unanswered).rejects.toThrow('timeout')
    },
    async chargeUnanswered(payment, fields, options) {
      const unanswered = charge(payment, fields, { timeoutMs: noAnswerMs, ...options })
      await expect(unanswered).rejects.toThrow('timeout')
    },
    changeSettings: settings =>
      answerOf(
        fetch(`${url}/settings`, {
          method: 'PATCH',
          headers: { ...withToken, 'content-type': 'application/json' },
          body: JSON.stringify(settings),
        }),
      ),
    resetSettings: () =>
      answerOf(fetch(`${url}/settings/reset`, { method: 'POST', headers: withToken })),
    get,
    linesOf,
    typesOf: async payment => (await linesOf(payment)).map(({ type }: { type: string }) => type),
  }
}
