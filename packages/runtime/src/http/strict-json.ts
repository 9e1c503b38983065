import { isUtf8 } from 'node:buffer'

/** Why a text is refused: it is no JSON, no Unicode, or two readers may read it differently. */
export type JsonMistake =
  | 'NIGHTSHIFT_JSON_MALFORMED'
  | 'NIGHTSHIFT_JSON_NOT_UNICODE'
  | 'NIGHTSHIFT_JSON_AMBIGUOUS'

export class JsonRefused extends Error {
  readonly code: JsonMistake

  /** @param message names no value of the text: it may reach a log or a caller */
  constructor(code: JsonMistake, message: string) {
    super(message)
    this.code = code
  }
}

/** A double has at most 309 digits before its point. A longer number is not compared. */
const numberLengthMax = 400
/** Finds each string of a JSON text, with the colon that makes it a name, and each number. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"(?<colon>\s*:)?|-?\d[\d.eE+-]*/g
const surelyExact = /^-?\d{1,15}$/
const numberForm = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/**
 * Reads JSON that every reader understands alike, in time proportional to its length. RFC 8259 leaves
 * it open what a repeated name means and how exact a number is: a proxy may check the first `amount`
 * while a service uses the last.
 * Therefore these are refused: bytes that are not UTF-8, halves of surrogate pairs, a name twice in
 * one object, a number that a double does not hold, and the names `__proto__` and
 * `constructor.prototype`, with which code that copies properties would change all objects. A byte
 * order mark is dropped, as the RFC allows.
 * @throws {JsonRefused} for all of these, and for what is not JSON
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  // Decoding would replace bytes that are not UTF-8 by U+FFFD, which is another value.
  if (!isUtf8(bytes)) throw new JsonRefused('NIGHTSHIFT_JSON_NOT_UNICODE', 'not UTF-8')
  const text = new TextDecoder().decode(bytes)
  const value = parse(text)
  const names = checkValue(value)
  checkTokens(text, names)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // biome-ignore lint/style/useErrorCause: the engine's own message repeats a part of the text
    throw new JsonRefused('NIGHTSHIFT_JSON_MALFORMED', 'not JSON')
  }
}

/**
 * Checks names and values. It does not recurse: a text may be nested as deep as it is long.
 * @returns how many names there are in all objects together
 */
function checkValue(value: unknown): number {
  const open = [value]
  let names = 0
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one === 'string') checkPairs(one)
    if (typeof one !== 'object' || one === null) continue
    for (const [name, inner] of Object.entries(one)) {
      open.push(inner)
      if (Array.isArray(one)) continue
      names += 1
      checkPairs(name)
      if (name === '__proto__' || (name === 'constructor' && hasPrototype(inner))) {
        throw new JsonRefused('NIGHTSHIFT_JSON_MALFORMED', 'a name that reaches a prototype')
      }
    }
  }
  return names
}

/** Half of a pair would reach PostgreSQL as U+FFFD. JSON in UTF-8 can hold it only as an escape. */
function checkPairs(text: string): void {
  if (!text.isWellFormed()) {
    throw new JsonRefused('NIGHTSHIFT_JSON_NOT_UNICODE', 'half of a surrogate pair')
  }
}

function hasPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
}

/** A repeated name of an object is in the value only once, so the counts differ. */
function checkTokens(text: string, namesOfValue: number): void {
  let names = 0
  for (const [token, colon] of text.matchAll(tokens)) {
    if (colon !== undefined) names += 1
    else if (!token.startsWith('"') && !isExact(token)) {
      throw new JsonRefused('NIGHTSHIFT_JSON_AMBIGUOUS', 'a number that no double holds')
    }
  }
  if (names !== namesOfValue) {
    throw new JsonRefused('NIGHTSHIFT_JSON_AMBIGUOUS', 'a name twice in one object')
  }
}

/**
 * Answers whether a double holds the number as it is written: in its shortest form, or with 17 digits,
 * as programs print every bit. `4900.0000000000000001` would become 4900, and 1e400 no number.
 */
function isExact(token: string): boolean {
  if (surelyExact.test(token)) return true
  if (token.length > numberLengthMax) return false
  const value = Number(token)
  const meant = digitsOf(token)
  return meant === digitsOf(String(value)) || meant === digitsOf(value.toPrecision(17))
}

/** Gives all forms of a number one text: 4900, 4.9e3 and 4900.00 are `49e2`. */
function digitsOf(token: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = numberForm.exec(token) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  const zeros = digits.length - significant.length
  return `${significant}e${Number(exponent) - fraction.length + zeros}`
}
