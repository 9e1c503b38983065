import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { poisonTopic } from '../harness/poison-topic.ts'
import { as, call } from '../harness/test-client.ts'
import type { AlertContext, AlertProof } from '../runner/run-alerts.ts'

/** The refunds of the proof look as old as this, because the alert on old ones waits five minutes. */
const refundAgeMinutes = 10
const refundMs = 5_000

/** What each alert is for: a fault that makes it fire, and whose end resolves it. */
export const alerts: AlertProof = {
  name: 'alerts',
  title: 'Every alert fires at its fault, resolves after it, and is silent without one',
  area: 'alerts',
  hypothesis:
    'Each alert fires while its fault lasts and resolves after it, and none fires without a fault.',
  healthySeconds: { full: 180, short: 40 },
  ratedPerSecond: 10,
  faults: [
    {
      title: 'payments cannot reach PostgreSQL',
      fires: ['PayingFails'],
      isShort: true,
      begin: ({ injector }) => injector.takeDown('payments-postgres'),
      end: ({ injector }) => injector.bringUp('payments-postgres'),
    },
    {
      title: 'listings cannot reach PostgreSQL',
      fires: ['PublishingFails', 'SearchingFails'],
      begin: ({ injector }) => injector.takeDown('listings-postgres'),
      end: ({ injector }) => injector.bringUp('listings-postgres'),
    },
    {
      title: 'the card provider takes 1.4 s longer',
      fires: ['PayingIsSlow', 'PublishingIsSlow'],
      begin: ({ injector }) => injector.changeSettings('card-provider', { latencyMs: 1_400 }),
      end: ({ injector }) => injector.changeSettings('card-provider', { latencyMs: 0 }),
    },
    {
      title: 'each answer of the database of listings is 400 ms late',
      fires: ['SearchingIsSlow'],
      begin: async ({ injector }) => {
        await injector.addToxic('listings-postgres', {
          name: 'late',
          type: 'latency',
          attributes: { latency: 400 },
        })
      },
      end: ({ injector }) => injector.removeToxics('listings-postgres', 'late'),
    },
    {
      title: 'the mail server refuses mails for good',
      fires: ['NotifyingFails'],
      begin: ({ injector }) =>
        injector.changeSettings('mailbox', { refuseRate: 1, refuseFor: 'good' }),
      end: ({ injector }) =>
        injector.changeSettings('mailbox', { refuseRate: 0, refuseFor: 'now' }),
    },
    {
      title: 'the mail server is away for more than a minute',
      // The mails that waited are sent late, so the second alert fires when it is back.
      fires: ['MailsWait'],
      firesAfterwards: ['NotifyingIsSlow'],
      begin: ({ injector }) => injector.takeDown('notifications-mail'),
      end: ({ injector }) => injector.bringUp('notifications-mail'),
    },
    {
      title: 'payments cannot reach Kafka',
      fires: ['OutboxIsOld'],
      begin: ({ injector }) => injector.takeDown('payments-kafka'),
      end: ({ injector }) => injector.bringUp('payments-kafka'),
    },
    {
      title: 'notifications cannot reach PostgreSQL',
      fires: ['ConsumerIsStalled'],
      isShort: true,
      begin: ({ injector }) => injector.takeDown('notifications-postgres'),
      end: ({ injector }) => injector.bringUp('notifications-postgres'),
    },
    {
      title: 'a record that no consumer can apply',
      fires: ['DeadLetters'],
      isShort: true,
      begin: ({ system }) => poisonTopic(system, 'payments.v1'),
      end: async () => {},
    },
    {
      title: 'the card provider is silent',
      fires: ['PaymentsStayOpen', 'BreakerIsOpen'],
      begin: ({ injector }) => injector.changeSettings('card-provider', { silence: 'before' }),
      end: ({ injector }) => injector.changeSettings('card-provider', { silence: 'none' }),
    },
    {
      title: 'a refund of money that was refunded by hand at the provider',
      fires: ['RefundsAreBlocked', 'RefundsStayPending'],
      begin: beginBlockedRefund,
      end: settleRefundsByHand,
    },
    {
      title: 'no request comes any more',
      fires: ['NoTraffic'],
      isShort: true,
      begin: ({ load }) => load.stop(),
      end: async ({ load }) => load.start(),
    },
    {
      title: 'notifications is frozen',
      fires: ['ScrapeFails'],
      begin: ({ injector }) => injector.freeze('notifications'),
      end: ({ injector }) => injector.thaw('notifications'),
    },
    {
      title: 'Prometheus is no longer told where notifications is',
      fires: ['ScrapeIsAbsent'],
      begin: ({ forget }) => forget('notifications'),
      end: ({ forget }) => forget(undefined),
    },
  ],
}

async function inPayments(
  { system }: AlertContext,
  work: (db: pg.Client) => Promise<unknown>,
): Promise<void> {
  const db = new pg.Client({ connectionString: system.databaseUrl('payments') })
  await db.connect()
  try {
    await work(db)
  } finally {
    await db.end()
  }
}

/** A payment is refunded by hand at the provider. Then we are asked to refund it, and cannot. */
async function beginBlockedRefund(context: AlertContext): Promise<void> {
  const { system } = context
  const headers = as(system, 'acme', randomUUID())
  const body = {
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  }
  const { json } = await call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
  const paymentId: string = json.paymentId
  await inPayments(context, async db => {
    const { rows } = await db.query(
      'SELECT provider_payment_id AS id FROM payments WHERE payment_id = $1',
      [paymentId],
    )
    const refunded = await fetch(`${system.urls.cardProvider}/v1/refunds`, {
      method: 'POST',
      headers: { authorization: `Bearer ${system.secrets.cardProviderSecretKey}` },
      body: new URLSearchParams({ payment_intent: rows[0].id }),
      signal: AbortSignal.timeout(refundMs),
    })
    if (!refunded.ok) throw new Error(`the provider refunded nothing: ${refunded.status}`)
    await call('POST', `${system.urls.payments}/v1/payments/${paymentId}/refunds`, {
      headers: as(system, 'acme', randomUUID()),
      body: { reason: 'duplicate' },
    })
    await db.query(
      `UPDATE refunds SET created_at = now() - $1 * interval '1 minute', next_check_at = now()`,
      [refundAgeMinutes],
    )
  })
}

/** What the runbook says: a person finds the refund at the provider, and records it here. */
async function settleRefundsByHand(context: AlertContext): Promise<void> {
  await inPayments(context, db =>
    db.query(
      `UPDATE refunds SET status = 'succeeded', succeeded_at = now(), next_check_at = NULL,
         provider_refund_id = 'by-hand-' || refund_id
       WHERE status = 'pending'`,
    ),
  )
}
