import type { FastifyPluginAsync } from 'fastify'
import { limits } from '../limits.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { Settings } from '../settings/fault-settings.ts'
import type { ChargeStore } from '../store/charge-store.ts'
import { feeRule } from '../store/fee.ts'

type Deps = Readonly<{
  settings: Settings
  providerLog: Pick<ProviderLog, 'failure'>
  store: Pick<ChargeStore, 'kept'>
  /** The front page lists these. */
  routes: readonly string[]
}>

/** Serves what needs no key: the front page, the health, and the published rules. */
export const publicRoutes: FastifyPluginAsync<Deps> = async (
  app,
  { settings, providerLog, store, routes },
) => {
  app.get('/', async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(frontPage(routes)),
  )

  app.get('/health', async (_request, reply) => {
    const isWritable = providerLog.failure() === undefined
    const status = isWritable ? 'ok' : 'the provider log cannot be written'
    const records = { kept: store.kept(), max: limits.recordsMax }
    return reply.code(isWritable ? 200 : 503).send({ status, records })
  })

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

function frontPage(routes: readonly string[]): string {
  return `card-provider: simulates a card provider with an API like Stripe's. No real money moves.

${routes.join('\n')}

/v1 and /settlement need the secret key. /settings and /log are for operators, who have no key.

Test cards (payment_method):
  pm_card_visa                             succeeds
  pm_card_chargeDeclined                   is declined
  pm_card_chargeDeclinedInsufficientFunds  is declined
  pm_card_slow                             succeeds after 1.5 s
  pm_card_silentAfter                      charges, and the first request under a key gets no answer
  pm_card_silentBefore                     the first request under a key is lost, the second charges
  pm_card_errorAfter                       charges, and the first request under a key gets a 500
  pm_card_late                             the first request under a key charges 5 s later, unanswered

Beyond the quota (setting quotaPerSecond) a POST is answered 429. With WEBHOOK_URL and WEBHOOK_SECRET
every operation is announced by a signed webhook. The README describes all settings and all lines of
the provider log.
`
}
