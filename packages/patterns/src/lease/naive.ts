import type { Fence } from './types.ts'

/**
 * A lease by time alone: owners have no numbers, so an owner that was overtaken can still write.
 */
export const timeOnly: Fence = {
  holds: () => 'true',
  next: row => `${row}.attempt`,
}
