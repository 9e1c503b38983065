import type { Fencing } from './types.ts'

/**
 * The last write wins, and each posting is known by an id of its own, as ids usually are: `UPDATE ...
 * WHERE id = $1`, and an INSERT that always works.
 */
export const lastWriteWins: Fencing = {
  isStillOurs: () => 'true',
  postedFor: () => 'gen_random_uuid()',
}
