/**
 * Reads an option of a command: digits and nothing else, because `0x10` or `1e1` is more often a slip
 * of the finger than a number. @throws a message for a person unless it is from 1 to `max`
 */
export function readNumber(name: string, text: string | boolean | undefined, max: number): number {
  const value = /^\d{1,15}$/.test(String(text)) ? Number(text) : 0
  if (value >= 1 && value <= max) return value
  throw new Error(`${name} must be a whole number from 1 to ${max}`)
}
