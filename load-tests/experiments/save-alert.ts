import { call } from '@nightshift/local/testing/test-client'
import type { TestSystem } from '@nightshift/local/testing/test-system'

/** Somebody is to be told of every listing, or nobody would notice that nobody was. */
export async function saveAlert(system: TestSystem): Promise<void> {
  const body = { email: 'ada@example.org', area: 'europe' }
  const answer = await call('POST', `${system.urls.notifications}/v1/alerts`, { body })
  if (answer.status !== 201) throw new Error(`the alert was refused: ${answer.text}`)
}
