import type { FastifyPluginAsync } from 'fastify'
import type { Dials } from './fault-settings.ts'
import { feeRule } from './fee.ts'
import { limits } from './limits.ts'

/** What the provider promises and demands, as its contract would say. No key is needed. */
export const rulesRoutes: FastifyPluginAsync<{ dials: Dials }> = async (app, { dials }) => {
  app.get('/rules', async () => {
    const { quotaPerSecond, keyWindowSeconds } = dials.read()
    return {
      quotaPerSecond,
      processingDelayMaxSeconds: limits.processingDelayMaxMs / 1_000,
      idempotencyKeyWindowSeconds: keyWindowSeconds,
      fee: feeRule,
    }
  })
}
