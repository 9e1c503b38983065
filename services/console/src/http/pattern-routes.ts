import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import patterns from '@nightshift/patterns/patterns.json' with { type: 'json' }
import { Type } from 'typebox'

export type SwitchTo = (pattern: string, variant: string) => Promise<readonly string[]>

const Word = Type.String({ pattern: '^[a-z-]{1,50}$' })
const SwitchBody = Type.Object({ pattern: Word, variant: Word }, { additionalProperties: false })

/** Shows the patterns, and switches one of them. */
export const patternRoutes: FastifyPluginAsyncTypebox<{ switchTo: SwitchTo }> = async (
  app,
  { switchTo },
) => {
  app.get('/patterns', async () =>
    patterns.map(({ name, title, fault, watch, variants, switch: switchName }) => ({
      name,
      title,
      fault,
      watch,
      variants,
      switch: switchName,
    })),
  )

  app.post('/patterns', { schema: { body: SwitchBody } }, async ({ body }, reply) => {
    const wanted = patterns.find(({ name }) => name === body.pattern)
    if (wanted === undefined) {
      return reply.code(404).send({ error: `no pattern is called ${body.pattern}` })
    }
    if (!wanted.variants.includes(body.variant)) {
      const error = `${wanted.name} is ${wanted.variants.join(', ')}, and not ${body.variant}`
      return reply.code(400).send({ error })
    }
    const restarted = await switchTo(wanted.name, body.variant)
    const did =
      restarted.length === 0
        ? `${wanted.title} is ${body.variant} already.`
        : `${wanted.title} is ${body.variant} now at ${restarted.join(', ')}.`
    return { did, ...(body.variant === 'on' ? {} : { shows: wanted.watch }) }
  })
}
