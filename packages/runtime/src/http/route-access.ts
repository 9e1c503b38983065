import { allows, type Scope } from '@nightshift/contracts/scopes'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { tenantHeader } from './api-keys.ts'
import type { Authenticate } from './authenticate.ts'
import { type Refusal, sendProblem } from './problem.ts'
import { notFound, unauthorized } from './refusals.ts'
import { stateOf } from './request-state.ts'

declare module 'fastify' {
  /** One of the two. A route that says nothing is not built. */
  interface FastifyContextConfig {
    /** What the caller's API key must allow. */
    scope?: Scope
    /** No key is needed. */
    public?: true
  }
}

/** A line of a server's route table: who may call it. */
export type RouteAccess = { method: string; url: string; access: Scope | 'public' }

const realm = 'Bearer realm="nightshift"'
/** This finds mistakes and not attacks: a key that is percent-encoded is not looked for. */
const keyInUrl = /ns_(test|live)_/

const insufficientScope: Refusal = {
  status: 403,
  slug: 'insufficient-scope',
  title: 'This API key may not do that',
}
const keyInUrlRefused: Refusal = {
  status: 400,
  slug: 'key-in-url',
  title: 'An API key must not be in a URL',
  detail: 'Logs and histories keep URLs: revoke that key, and send the next one as a header.',
}

const tables = new WeakMap<FastifyInstance, RouteAccess[]>()

/** The routes of a server with their access, in the order of registration. */
export function routeAccessOf(app: FastifyInstance): readonly RouteAccess[] {
  return tables.get(app) ?? []
}

/**
 * Every route declares who may call it, or the server is not built: a forgotten route stays closed.
 * It applies to every route that is registered after it, in any scope.
 * @param authenticate unset: the server has public routes only
 */
export function guardRoutes(app: FastifyInstance, authenticate: Authenticate | undefined): void {
  const table: RouteAccess[] = []
  tables.set(app, table)
  app.addHook('onRoute', route => {
    const access = accessOf(route)
    if (access !== 'public') {
      if (!authenticate)
        throw new Error(`${nameOf(route)}: there is no way to authenticate its callers`)
      route.schema = { ...route.schema, security: [{ apiKey: [access] }] }
    }
    for (const method of [route.method].flat()) table.push({ method, url: route.url, access })
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (keyInUrl.test(request.url)) return void sendProblem(request, reply, keyInUrlRefused)
    // A malformed id cannot exist, so the answer reveals nothing.
    const isPossible = request.getValidationFunction('params')
    if (isPossible && !isPossible(request.params as object)) {
      return void sendProblem(request, reply, notFound)
    }
    const { scope } = request.routeOptions.config
    if (scope === undefined || !authenticate) return done()
    admit(request, reply, scope, authenticate).then(isAdmitted => isAdmitted && done(), done)
  })
}

function accessOf(route: RouteOptions): Scope | 'public' {
  const { scope, public: isPublic } = route.config ?? {}
  if (scope !== undefined && !isPublic) return scope
  if (scope === undefined && isPublic) return 'public'
  throw new Error(`${nameOf(route)} must declare either a scope or \`public: true\` in its config`)
}

function nameOf({ method, url }: RouteOptions): string {
  return `${[method].flat().join(', ')} ${url}`
}

/** Answers false when the caller has got its refusal. */
async function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  scope: Scope,
  authenticate: Authenticate,
): Promise<boolean> {
  const { authorization, [tenantHeader]: tenant } = request.headers
  const principal = await authenticate(authorization, tenant)
  if (!principal) {
    stateOf(request).facts['reason'] = whyRefused(authorization)
    reply.header('www-authenticate', realm)
    void sendProblem(request, reply, unauthorized)
    return false
  }
  const state = stateOf(request)
  state.principal = principal
  state.facts['tenantId'] = principal.tenantId
  state.facts['keyId'] = principal.keyId
  if (allows(principal.scopes, scope)) return true
  reply.header('www-authenticate', `${realm}, error="insufficient_scope", scope="${scope}"`)
  void sendProblem(request, reply, { ...insufficientScope, detail: `It needs \`${scope}\`.` })
  return false
}

/**
 * Why a caller got a 401, for the log. `refused_key`: unknown, revoked or expired, or the key of a service
 * that named no tenant. What was sent is not logged, because a mistyped key is nearly a key.
 */
function whyRefused(authorization: string | undefined): string {
  if (authorization === undefined) return 'no_key'
  return /^bearer( |$)/i.test(authorization) ? 'refused_key' : 'other_scheme'
}
