import type { Fence } from './types.ts'

/** A lease by time alone: owners have no number, so the last write wins, whoever makes it. */
export const timeOnly: Fence = {
  holds: () => 'true',
  next: row => `${row}.attempt`,
}
