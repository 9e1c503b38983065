import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ConfirmForm, LinkParams, UnsubscribeForm } from '@nightshift/contracts/notifications-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { sendProblem } from '@nightshift/runtime/http/problem'
import { notFound } from '@nightshift/runtime/http/refusals'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Page, pageOf } from './pages.ts'

export type AddressRoutesDeps = {
  readConfirm: (token: string) => { addressId: string; consentVersion: number } | undefined
  readUnsubscribe: (token: string) => string | undefined
  /** False if the address was unsubscribed after the link was made. */
  confirm: (addressId: string, consentVersion: number) => Promise<boolean>
  unsubscribe: (addressId: string) => Promise<void>
}

const page = { 200: { content: { 'text/html': { schema: Type.String() } } }, ...problemResponses }
const forms = ['application/x-www-form-urlencoded', 'multipart/form-data']

/**
 * The routes of the links in mails. A GET shows a page and changes nothing, because mail scanners
 * open every link. Only the button of the page, or a mail client on behalf of its user, sends the
 * POST. These routes need no cookie and no key, only the signature of the link. An address without
 * alerts is answered like one with alerts.
 */
export const addressRoutes: FastifyPluginAsyncTypebox<{ deps: AddressRoutesDeps }> = async (
  app,
  { deps },
) => {
  acceptForms(app)
  const options = (summary: string) => ({
    config: { public: true } as const,
    schema: { summary, params: LinkParams, response: page },
  })

  app.get(
    '/v1/confirm/:token',
    options('Show the page to confirm an address'),
    async (_request, reply) => sendPage(reply, 'confirm'),
  )
  const confirm = options('Confirm an address, so that its alerts are sent')
  app.post(
    '/v1/confirm/:token',
    { ...confirm, schema: { ...confirm.schema, body: ConfirmForm, consumes: forms } },
    async (request, reply) => {
      const link = deps.readConfirm(request.params.token)
      const isConfirmed = link && (await deps.confirm(link.addressId, link.consentVersion))
      return isConfirmed ? sendPage(reply, 'confirmed') : sendProblem(request, reply, notFound)
    },
  )

  app.get(
    '/v1/unsubscribe/:token',
    options('Show the page to unsubscribe'),
    async (_request, reply) => sendPage(reply, 'unsubscribe'),
  )
  const unsubscribe = options('End all alerts of an address (RFC 8058)')
  app.post(
    '/v1/unsubscribe/:token',
    { ...unsubscribe, schema: { ...unsubscribe.schema, body: UnsubscribeForm, consumes: forms } },
    async (request, reply) => {
      const addressId = deps.readUnsubscribe(request.params.token)
      if (addressId === undefined) return sendProblem(request, reply, notFound)
      await deps.unsubscribe(addressId)
      return sendPage(reply, 'unsubscribed')
    },
  )
}

/** Mail clients send forms. JSON is refused here, because no client needs it. */
function acceptForms(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(
    forms,
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      try {
        const type = request.headers['content-type'] ?? ''
        const form = new Response(new Uint8Array(body), { headers: { 'content-type': type } })
        return Object.fromEntries(await form.formData())
      } catch (cause) {
        throw Object.assign(new Error('the form is malformed', { cause }), { statusCode: 400 })
      }
    },
  )
}

function sendPage(reply: FastifyReply, name: Page) {
  return (
    reply
      .type('text/html; charset=utf-8')
      .header(
        'content-security-policy',
        "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
      )
      // The link gives access to the address, so no other site may learn it.
      .header('referrer-policy', 'no-referrer')
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff')
      .header('x-robots-tag', 'noindex')
      .serializer((html: unknown) => String(html))
      .send(pageOf(name))
  )
}
