import type { FastifyPluginAsync } from 'fastify'
import { limits } from '../limits.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { Settings } from '../settings/fault-settings.ts'
import { feeRule } from '../store/fee.ts'

type Deps = Readonly<{
  settings: Settings
  truth: Pick<ProviderLog, 'failure'>
  /** All routes of the process, which the front page names. */
  routes: readonly string[]
}>

/** What everybody may read without a key: the front page, health, and the published rules. */
export const publicRoutes: FastifyPluginAsync<Deps> = async (app, { settings, truth, routes }) => {
  app.get('/', async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(frontPage(routes)),
  )

  app.get('/health', async (_request, reply) => {
    const status = truth.failure() === undefined ? 'ok' : 'the provider log cannot be written'
    return reply.code(status === 'ok' ? 200 : 503).send({ status })
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

/** The front page: what this process is and what it answers, for somebody who found its port. */
function frontPage(routes: readonly string[]): string {
  return `card-provider: a simulator for a card provider, shaped like Stripe. No real money.

${routes.join('\n')}

/v1 and /settlement need the secret key; /settings and /log are for those who have none.

Test cards (payment_method):
  pm_card_visa                             succeeds
  pm_card_chargeDeclined                   is declined
  pm_card_chargeDeclinedInsufficientFunds  is declined
  pm_card_slow                             succeeds after 1.5 s
  pm_card_silentAfter                      charges, and the first answer under a key never comes
  pm_card_silentBefore                     the first request under a key is lost, the second charges
  pm_card_errorAfter                       charges, and the first answer under a key is a 500
  pm_card_late                             the first request under a key charges 5 s later, unanswered

Beyond the quota (setting quotaPerSecond) a POST is a 429. With WEBHOOK_URL and WEBHOOK_SECRET
everything that is done is told by a signed webhook. The README has all settings and all lines of the
provider log.
`
}
