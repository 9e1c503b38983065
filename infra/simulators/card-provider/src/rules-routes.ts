import type { FastifyPluginAsync } from 'fastify'
import { limits } from './limits.ts'
import type { Settings } from './settings/fault-settings.ts'
import { feeRule } from './store/fee.ts'

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
