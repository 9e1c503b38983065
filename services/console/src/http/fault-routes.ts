import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { processFaultKinds } from '@nightshift/faults/injector/parse-fault'
import { attributeNames, toxicTypes } from '@nightshift/faults/proxy/toxic'
import { Type } from 'typebox'
import type { FaultControl } from '../clients/fault-control.ts'
import { expectations } from '../domain/expectations.ts'
import { limits } from '../limits.ts'

const Word = Type.String({ minLength: 1, maxLength: 200 })
const FaultBody = Type.Object(
  {
    words: Type.Array(Word, { minItems: 1, maxItems: 20 }),
    flags: Type.Optional(Type.Record(Type.String({ maxLength: 50 }), Word)),
    expiresInMs: Type.Optional(
      Type.Integer({ minimum: 1_000, maximum: limits.faults.expiryMaxMs }),
    ),
  },
  { additionalProperties: false },
)
const HealBody = Type.Object({ thing: Type.Optional(Word) }, { additionalProperties: false })

/** Breaks things on purpose, and heals them. */
export const faultRoutes: FastifyPluginAsyncTypebox<{ faults: FaultControl }> = async (
  app,
  { faults },
) => {
  app.get('/faults/targets', async () => ({
    ...(await faults.targets()),
    processFaults: processFaultKinds,
    toxics: Object.fromEntries(toxicTypes.map(type => [type, attributeNames(type)])),
    expected: expectations,
  }))

  app.post('/faults', { schema: { body: FaultBody } }, async ({ body }, reply) => {
    const { words, flags = {}, expiresInMs = limits.faults.expiryMs } = body
    const injected = await faults.inject({ words, flags, expiresInMs })
    return 'mistake' in injected ? reply.code(400).send({ error: injected.mistake }) : injected
  })

  app.post('/heal', { schema: { body: HealBody } }, async ({ body }, reply) => {
    const healed = await faults.heal(body.thing)
    return 'mistake' in healed ? reply.code(400).send({ error: healed.mistake }) : { healed }
  })
}
