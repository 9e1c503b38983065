import { confirmAddress } from '@nightshift/local/seed/confirm-address'
import { call } from './test-client.ts'
import type { TestSystem } from './test-system.ts'

/** A candidate is to be told of every listing, or it would not be seen that none was. */
export async function saveAlert(
  system: TestSystem,
  alert: { email: string } & Record<string, unknown> = { email: 'ada@example.org', area: 'europe' },
): Promise<void> {
  const answer = await call('POST', `${system.urls.notifications}/v1/alerts`, { body: alert })
  if (answer.status !== 201) throw new Error(`the alert was refused: ${answer.text}`)
  await confirmAddress(system.urls.mailbox, alert.email)
}
