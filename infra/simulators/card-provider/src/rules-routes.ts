import type { FastifyPluginAsync } from 'fastify'
import type { Settings } from './fault-settings.ts'
import { feeRule } from './fee.ts'
import { limits } from './limits.ts'

/** What the provider promises and demands, as its contract would say. No key is needed. */
export const rulesRoutes: FastifyPluginAsync<{ settings: Settings }> = async (
  app,
  { settings },
) => {
  app.get('/rules', async () => {
    const { quotaPerSecond, keyWindowSeconds } = settings.read()
    return {
      quotaPerSecond,
      processingDelayMaxSeconds: limits.processingDelayMaxMs / 1_000,
      idempotencyKeyWindowSeconds: keyWindowSeconds,
      fee: feeRule,
    }
  })
}
