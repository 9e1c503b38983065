import { expect, test } from 'vitest'
import type { Evidence } from '../auditor/evidence.ts'
import type { SeenIntent } from './seen-intents.ts'
import { chargesForTheGone } from './work-for-the-gone.ts'

const span = { from: 1_000, until: 5_000 }

function intent(listingId: string, leftAt: number): SeenIntent {
  return { tenant: 'acme', listingId, intendedAt: 0, leftAt, attempts: 1, leftWith: 'pending' }
}

function evidence(...charges: (readonly [t: number, publicationId: string, type?: string])[]) {
  const read = <Row>(rows: Row[]) => ({ state: 'read' as const, rows, problems: [] })
  return {
    provider: read(
      charges.map(([t, publicationId, type = 'intent.succeeded'], seq) => ({
        t,
        seq,
        type,
        publicationId,
      })),
    ),
    publications: read(
      ['a', 'b'].map(name => ({ publicationId: `publication-${name}`, listingId: name })),
    ),
  } as unknown as Pick<Evidence, 'provider' | 'publications'>
}

test('a charge after its employer has left was made for nobody', () => {
  const intents = [intent('a', 2_000), intent('b', 4_000)]
  const made = evidence([2_001, 'publication-a'], [3_999, 'publication-b', 'intent.declined'])
  expect(chargesForTheGone(intents, made, span)).toEqual({ charges: 2, forTheGone: 1 })
})

test('only charges of this span count, and of employers that the history knows', () => {
  const intents = [intent('a', 500)]
  const made = evidence(
    [999, 'publication-a'],
    [5_000, 'publication-a'],
    [2_000, 'publication-b'],
    [2_000, 'publication-a', 'webhook.sent'],
  )
  expect(chargesForTheGone(intents, made, span)).toEqual({ charges: 1, forTheGone: 0 })
})
