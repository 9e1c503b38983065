import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { ProviderConnection } from './provider-api.ts'

/** `absent`: not found now. It may be on its way, or too new for a search. */
export type Found<Value, Reason> = Outcome<Value, Reason> | { kind: 'absent' }

/** Searches at the provider. An empty result is an answer too. */
export async function lookUp<Value, Reason>(
  provider: ProviderConnection,
  deadline: Deadline,
  find: (deadline: Deadline) => Promise<Found<Value, Reason>>,
): Promise<Found<Value, Reason>> {
  const outcome = await provider.search(
    'card-provider look-up',
    deadline,
    async (perTry): Promise<Outcome<Value | undefined, Reason>> => {
      const found = await find(perTry)
      return found.kind === 'absent' ? { kind: 'ok', value: undefined } : found
    },
  )
  if (outcome.kind !== 'ok') return outcome
  return outcome.value === undefined ? { kind: 'absent' } : { kind: 'ok', value: outcome.value }
}
