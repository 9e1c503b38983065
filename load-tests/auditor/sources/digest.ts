import { createHash } from 'node:crypto'

const digits = 16

/** Stands for an address: two of them can be compared, and nobody can be written to. */
export function digestOf(address: string): string {
  return createHash('sha256').update(address).digest('hex').slice(0, digits)
}
