import { randomUUID } from 'node:crypto'
import {
  type Answer,
  call,
  eventually,
  whenThereIsRoom,
} from '@nightshift/load-tests/harness/test-client'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { openTestTopic } from '@nightshift/load-tests/harness/test-topic'
import { confirmAddress, confirmLinkIn } from '@nightshift/local/seed/confirm-address'
import pg from 'pg'

export type ReceivedMail = { subject: string; text: string; messageId: string; accepted: number }

/** A word that no other test uses. */
export const newWord = () => `w${randomUUID().replaceAll('-', '')}`
export const newAddress = () => `${newWord()}@example.org`

export type Candidates = Awaited<ReturnType<typeof openCandidates>>

/**
 * The notifications service and a mailbox, with what candidates and the listings service do to
 * them.
 * @param parts `inject('parts')`
 */
export async function openCandidates(parts: TestParts) {
  await using undo = new AsyncDisposableStack()
  const system = undo.use(await openTestSystem({ parts, run: ['mailbox', 'notifications'] }))
  const listings = undo.use(await openTestTopic(system, 'listings.v1'))
  const { notifications, mailbox } = system.urls

  const saveAlert = (body: object): Promise<Answer> =>
    call('POST', `${notifications}/v1/alerts`, { body })

  const allMailsTo = async (address: string): Promise<ReceivedMail[]> => {
    const answer = await call('GET', `${mailbox}/mails?to=${encodeURIComponent(address)}`)
    return answer.json.mails
  }
  const mailsTo = async (address: string) =>
    (await allMailsTo(address)).filter(({ messageId }) => messageId.startsWith('<alert.'))

  const confirmed = new Set<string>()
  const subscribe = async (alert: { email: string } & Record<string, unknown>): Promise<string> => {
    const answer = await saveAlert(alert)
    if (answer.status !== 201) throw new Error(`the alert was refused: ${answer.text}`)
    if (!confirmed.has(alert.email)) await confirmAddress(mailbox, alert.email)
    confirmed.add(alert.email)
    return answer.json.alertId
  }
  const announce = (event: { aggregateId: string }) =>
    listings.write(event.aggregateId, JSON.stringify(event))
  const untilMail = (address: string, timeoutMs?: number) =>
    eventually('the mail arrives', async () => (await mailsTo(address))[0], timeoutMs)

  const disposal = undo.move()
  return {
    system,
    listings,
    saveAlert,
    saveWhenThereIsRoom: (alert: object) => whenThereIsRoom('the alert', () => saveAlert(alert)),
    subscribe,
    announce,
    allMailsTo,
    mailsTo,
    untilMail,
    confirmationMailsTo: async (address: string) =>
      (await allMailsTo(address)).filter(({ text }) => confirmLinkIn(text) !== undefined),
    /** Changes the fault settings of the mail server. */
    setMailbox: async (faults: object) => {
      const headers = { authorization: `Bearer ${system.controlToken}` }
      const answer = await call('PATCH', `${mailbox}/settings`, { headers, body: faults })
      if (answer.status !== 200) throw new Error(`the settings were refused: ${answer.text}`)
    },
    /**
     * Waits until every earlier event with this Kafka key has been applied and matched. Records of
     * one key keep their order, and announcements take turns.
     */
    untilMatchedSoFar: async ({ aggregateId }: { aggregateId: string }) => {
      const word = newWord()
      const email = newAddress()
      await subscribe({ email, text: word })
      await listings.write(aggregateId, JSON.stringify(published({ title: word })))
      await untilMail(email)
    },
    inDatabase: <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
      queryDatabase<T>(system.databaseUrl('notifications'), sql, values),
    /** A connection of an administrator, for a transaction that stays open for a while. */
    openSession: async () => {
      const client = new pg.Client({ connectionString: system.databaseUrl('notifications') })
      await client.connect()
      return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
    },
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}

async function queryDatabase<T extends pg.QueryResultRow>(
  connectionString: string,
  sql: string,
  values: unknown[],
): Promise<T[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<T>(sql, values)).rows
  } finally {
    await client.end()
  }
}

/** The event about a listing that has gone live. */
export function published(data: object = {}) {
  const listingId = randomUUID()
  return {
    eventId: randomUUID(),
    type: 'listing.published',
    version: 1,
    occurredAt: new Date().toISOString(),
    tenantId: randomUUID(),
    aggregateId: listingId,
    aggregateVersion: 3,
    data: {
      listingId,
      publicationId: randomUUID(),
      paymentId: randomUUID(),
      title: 'Site Reliability Engineer',
      company: 'Acme Logistics',
      description: 'Own the on-call rotation.',
      area: 'europe',
      seniority: 'senior',
      salaryMinEurPerYear: 80_000,
      salaryMaxEurPerYear: 100_000,
      ...data,
    },
  }
}
