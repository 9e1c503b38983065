import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify'
import type Stripe from 'stripe'
import { invalidParam } from '../answers/api-error.ts'
import { expandBelow } from '../answers/expand.ts'
import { listPage, listParams } from '../answers/list-page.ts'
import { sendAnswer } from '../answers/operation-answer.ts'
import { intentPaths, showIntent } from '../answers/show-intent.ts'
import { refundPaths, showRefund } from '../answers/show-refund.ts'
import type { RefundLine } from '../log/provider-log-entry.ts'
import { notFound } from '../requests/read-operation.ts'
import type { ParamRules, Params } from '../requests/read-params.ts'
import { readParams } from '../requests/read-params.ts'
import { readSearch } from '../requests/read-search.ts'
import type { Settings } from '../settings/fault-settings.ts'
import type { ChargeStore } from '../store/charge-store.ts'

export type ReadDeps = Readonly<{
  store: ChargeStore
  settings: Settings
  wait: (ms: number) => Promise<void>
}>

const belowData = (paths: readonly string[]) => paths.map(path => `data.${path}`)
const oneIntent: ParamRules = { kinds: {}, paths: intentPaths }
const oneRefund: ParamRules = { kinds: {}, paths: refundPaths }
const listOfIntents: ParamRules = {
  kinds: listParams,
  metadata: true,
  paths: belowData(intentPaths),
}
const listOfRefunds: ParamRules = {
  kinds: { ...listParams, payment_intent: 'text' },
  paths: belowData(refundPaths),
}
const search: ParamRules = {
  kinds: { limit: 'count', query: 'text', page: 'text' },
  required: ['query'],
  paths: belowData(intentPaths),
}

/** Serves every GET below /v1. Reads meet the latency and no other fault. */
export const readRoutes: FastifyPluginAsync<{ deps: ReadDeps }> = async (app, { deps }) => {
  const { store } = deps
  const get = (path: string, rules: ParamRules, answer: Answer) =>
    addGet(app, deps, path, rules, answer)

  get('/payment_intents/:id', oneIntent, (id, { expand }, reply) => {
    const intent = store.findIntent(id)
    if (intent === undefined) return sendAnswer(reply, notFound('payment_intent', id, 'intent'))
    return showIntent(intent, expand)
  })

  get('/payment_intents', listOfIntents, (_, params, reply) => {
    const page = listPage(store.listIntents(params.metadata), ({ intentId }) => intentId, params)
    if (page.kind === 'refused') return sendAnswer(reply, page.error)
    const expand = expandBelow(params.expand, 'data')
    const data = page.value.data.map(intent => showIntent(intent, expand))
    return showList('/v1/payment_intents', data, page.value.hasMore)
  })

  get('/payment_intents/search', search, (_, params, reply) => {
    const wanted = readSearch(params.find('query') ?? '')
    if (wanted === undefined) {
      const message = "Only metadata['name']:'value' can be searched, and several joined by AND."
      return sendAnswer(reply, invalidParam('query', 'parameter_invalid_string', message))
    }
    const found = wanted === 'nothing' ? [] : store.listIntents(wanted)
    const page = listPage(found, ({ intentId }) => intentId, params, 'page')
    if (page.kind === 'refused') return sendAnswer(reply, page.error)
    const { hasMore: has_more } = page.value
    const expand = expandBelow(params.expand, 'data')
    const data = page.value.data.map(intent => showIntent(intent, expand))
    const next_page = has_more ? (data.at(-1)?.id ?? null) : null
    const result = { object: 'search_result', url: '/v1/payment_intents/search', data } as const
    return { ...result, has_more, next_page } satisfies ApiSearchResult
  })

  const show = (refund: RefundLine, expand: Params['expand']) => {
    const intent = store.findIntent(refund.intentId)
    if (intent === undefined) throw new Error(`${refund.refundId} has no intent`)
    return showRefund(refund, intent, expand)
  }

  get('/refunds/:id', oneRefund, (id, { expand }, reply) => {
    const refund = store.findRefund(id)
    if (refund === undefined) return sendAnswer(reply, notFound('refund', id, 'id'))
    return show(refund, expand)
  })

  get('/refunds', listOfRefunds, (_, params, reply) => {
    const refunds = store.listRefunds(params.find('payment_intent'))
    const page = listPage(refunds, ({ refundId }) => refundId, params)
    if (page.kind === 'refused') return sendAnswer(reply, page.error)
    const expand = expandBelow(params.expand, 'data')
    const data = page.value.data.map(refund => show(refund, expand))
    return showList('/v1/refunds', data, page.value.hasMore)
  })
}

type ApiSearchResult = Stripe.ApiSearchResult<ReturnType<typeof showIntent>>
type Answer = (id: string, params: Params, reply: FastifyReply) => unknown

function addGet(
  app: FastifyInstance,
  { settings, wait }: ReadDeps,
  path: string,
  rules: ParamRules,
  answer: Answer,
): void {
  app.get<{ Params: { id?: string } }>(path, async (request, reply) => {
    const query = request.url.split('?').slice(1).join('?')
    const read = readParams(new URLSearchParams(query), rules)
    if (read.kind === 'refused') return sendAnswer(reply, read.error)
    await wait(settings.read().latencyMs)
    return answer(request.params.id ?? '', read.value, reply)
  })
}

function showList<One>(url: string, data: readonly One[], has_more: boolean) {
  return { object: 'list' as const, url, data: [...data], has_more } satisfies Stripe.ApiList<One>
}
