import { randomInt } from 'node:crypto'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { readText } from '../read-pages.ts'

/** The page is a script: its `sh` blocks are carried out in order, and its `json` blocks are compared. */
const page = readText('docs/curl-tour.md') ?? ''

let system: TestSystem
const variables = new Map<string, string>()
/** By the value on the page. */
const realValues = new Map<string, string>()

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['card-provider', 'payments'] })
})
afterAll(() => system[Symbol.asyncDispose]())

test('each request of the tour has the answer that the page shows', async () => {
  const [values, ...blocks] = blocksOf(page)
  for (const [name] of assignmentsIn(values?.code ?? '')) variables.set(name, valueHere(name))
  let last: Exchange | undefined
  let sent = 0
  for (const { language, code, prose } of blocks) {
    if (language === 'json' && last) {
      expectAnswer(await settled(last, statusIn(prose)), prose, JSON.parse(code))
    } else if (code.startsWith('curl ')) {
      last = { command: code, answer: await send(code) }
      sent += 1
    } else {
      for (const [name, text] of assignmentsIn(code)) variables.set(name, assigned(text))
    }
  }
  expect(sent).toBeGreaterThan(5)
})

type Answer = { status: number; headers: Headers; body: Record<string, unknown> }
type Exchange = { command: string; answer: Answer }
type Block = { language: string; code: string; prose: string }

/**
 * A busy machine may leave an outcome open that is known at once otherwise. It is asked for as a client
 * does: by the same request, with the same key.
 */
async function settled({ command, answer }: Exchange, wanted: number): Promise<Answer> {
  if (answer.status !== 202 || wanted === 202) return answer
  return eventually('the outcome is known', async () => {
    const again = await send(command)
    return again.status === 202 ? undefined : again
  })
}

function statusIn(prose: string): number {
  return Number(/answer is `(\d{3})`/.exec(prose)?.[1])
}

/** The fenced blocks of a page, each with the prose before it. */
function blocksOf(text: string): Block[] {
  const fence = /([\s\S]*?)```(\w+)\n([\s\S]*?)```/g
  return [...text.matchAll(fence)].map(([, prose = '', language = '', code = '']) => ({
    language,
    code: code.trim(),
    prose,
  }))
}

function assignmentsIn(code: string): (readonly [name: string, value: string])[] {
  return code.split('\n').map(line => {
    const [, name = '', value = ''] = /^([A-Z_]+)=(\S+)$/.exec(line) ?? []
    if (name === '') throw new Error(`The page has a command that this test does not know: ${line}`)
    return [name, value] as const
  })
}

/** What `npm start` would print. */
function valueHere(name: string): string {
  const values: Record<string, string> = {
    PAYMENTS: system.urls.payments,
    API_KEY: system.apiKeys['acme'] ?? '',
  }
  const value = values[name]
  if (value === undefined) throw new Error(`${name} is not printed by npm start`)
  return value
}

/** A random number, or an id of an answer on the page, which stands for the real one. */
function assigned(text: string): string {
  if (text === '$RANDOM') return String(randomInt(32_768))
  const real = realValues.get(text)
  if (real === undefined) throw new Error(`${text} is in no answer above it`)
  return real
}

/** Sends what a curl command would. It knows -s, -X, -H and -d, and nothing else. */
async function send(command: string): Promise<Answer> {
  const words = wordsOf(command).slice(1)
  const headers = new Headers()
  let [method, url, body] = ['GET', '', undefined as string | undefined]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift() ?? ''
    else if (word === '-d') body = words.shift()
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(/: (.*)/)
      headers.set(name, value)
    } else if (word !== '-s') url = word
  }
  const answer = await fetch(url, { method, headers, ...(body !== undefined && { body }) })
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Answer['body'],
  }
}

/** Splits as a shell does: single quotes keep everything, elsewhere variables are replaced. */
function wordsOf(command: string): string[] {
  const word = /'([^']*)'|"([^"]*)"|(\S+)/g
  return [...command.replaceAll('\\\n', ' ').matchAll(word)].map(
    ([, literal, quoted, bare]) => literal ?? replaceVariables(quoted ?? bare ?? ''),
  )
}

function replaceVariables(text: string): string {
  return text.replace(/\$([A-Z_]+)/g, (_, name: string) => {
    const value = variables.get(name)
    if (value === undefined) throw new Error(`$${name} was not set before it is used`)
    return value
  })
}

function expectAnswer(answer: Answer, prose: string, body: Record<string, unknown>): void {
  const status = statusIn(prose)
  const expected = Object.entries(body).map(([name, value]) => [
    name,
    realValueOf(value, answer.body[name]),
  ])
  expect({ status: answer.status, body: answer.body }).toEqual({
    status,
    body: Object.fromEntries(expected),
  })
  for (const [, name = '', value] of prose.matchAll(/header `([\w-]+): (\w+)`/g)) {
    expect(answer.headers.get(name)).toBe(value)
  }
}

/** The ids and times that differ with each run. */
const differing = [
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
]

/** What a value of the page must be here. An id or a time is learned once, and the same after that. */
function realValueOf(onPage: unknown, here: unknown): unknown {
  if (typeof onPage !== 'string' || typeof here !== 'string') return onPage
  const form = differing.find(each => each.test(onPage))
  if (!form?.test(here)) return onPage
  if (!realValues.has(onPage)) realValues.set(onPage, here)
  return realValues.get(onPage)
}
