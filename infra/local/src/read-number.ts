/** Reads an option of a command. @throws a message for a person unless it is a whole number from 1 to `max` */
export function readNumber(name: string, text: string | boolean | undefined, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new Error(`${name} must be a whole number from 1 to ${max}`)
}
