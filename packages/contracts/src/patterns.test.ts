import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/**
 * A caller chooses the text that a pattern is matched with, and the event loop waits meanwhile. So every
 * pattern of every schema must take time in proportion to the text: here it gets texts that are made of its
 * own alphabet and almost match. A slow pattern takes seconds for one of them.
 */

const textLength = 50_000
/** Patterns as they should be take 5 ms at most, and slow ones a second or more. */
const deadlineMs = 250
/** Longer than all texts of the largest pattern take on a busy machine. */
const testMs = 60_000

/** One of each kind: characters that patterns name, or that belong to classes of Unicode. */
const samples = [...'a5_.:-+@ \n\u200b\u200d\u3164\u{1F3F4}\u{E0061}', '\r\n']

const modules = readdirSync(import.meta.dirname)
  .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map(name => import(join(import.meta.dirname, name)))
const patterns = [...new Set((await Promise.all(modules)).flatMap(patternsIn))]

test('the schemas have patterns, those of text and of addresses among them', () => {
  expect(patterns.length).toBeGreaterThan(8)
  expect(patterns.filter(pattern => pattern.includes('@'))).not.toEqual([])
  expect(patterns.filter(pattern => pattern.includes('\\p{C}'))).not.toEqual([])
})

test('the texts find a slow pattern', { timeout: testMs }, () => {
  expect(slowTextFor('^a*5', textLength / 2)).toBeUndefined()
  expect(slowTextFor('a*5', textLength / 2)).toBeDefined()
})

test.each(patterns)('%s takes time in proportion to the text', { timeout: testMs }, pattern => {
  expect(slowTextFor(pattern)).toBeUndefined()
})

/** A text for which the pattern takes too long, shortened; undefined when there is none. */
function slowTextFor(pattern: string, length = textLength): string | undefined {
  const expression = new RegExp(pattern, 'u')
  for (const text of textsFor(pattern, length)) {
    const startedMs = performance.now()
    expression.test(text)
    if (performance.now() - startedMs > deadlineMs) return JSON.stringify(text.slice(0, 10))
  }
  return undefined
}

/** Repetitions of one or two pieces that the pattern may contain, and an end that it refuses. */
function* textsFor(pattern: string, length: number): Generator<string> {
  const pieces = samples.filter(sample => isOfAlphabet(pattern, sample))
  for (const first of pieces) {
    for (const second of pieces) {
      const [both, many] = [first + second, second.repeat(length / second.length)]
      yield `${first}${many}\0`
      yield `${both.repeat(length / both.length)}\0`
      yield `${first}@${many}@`
    }
  }
}

/** True when the pattern names the sample, or a class of the pattern has it. */
function isOfAlphabet(pattern: string, sample: string): boolean {
  const classes = pattern.match(/\[(?:\\.|[^\]\\])+\]|\\[dwsp](?:\{\w+\})?/gu) ?? []
  return pattern.includes(sample) || classes.some(each => new RegExp(each, 'u').test(sample))
}

function patternsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { pattern } = value as { pattern?: unknown }
  const own = typeof pattern === 'string' ? [pattern] : []
  return [...own, ...Object.values(value).flatMap(patternsIn)]
}
