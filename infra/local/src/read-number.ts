const wholeNumber = /^(?:0|[1-9]\d{0,14})$/

/**
 * A whole number as people write it, or undefined. `Number` would also take an empty text, `0x10`,
 * `1e3` and ` 5`, and a mistyped option would mean something else.
 */
export function wholeNumberIn(text: unknown): number | undefined {
  return typeof text === 'string' && wholeNumber.test(text) ? Number(text) : undefined
}

/** Reads an option of a command. @throws a message for a person unless it is a whole number from `min` to `max` */
export function readNumber(
  name: string,
  text: string | boolean | undefined,
  max: number,
  min = 1,
): number {
  const value = wholeNumberIn(text)
  if (value !== undefined && value >= min && value <= max) return value
  throw new Error(`${name} must be a whole number from ${min} to ${max}`)
}
