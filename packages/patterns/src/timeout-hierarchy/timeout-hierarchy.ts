/**
 * Fault:    a wait inside is longer than its caller waits, so the caller leaves without an answer.
 * Without:  load-tests/results/slow-provider.json (left without an answer); the code is `naive.ts`.
 * With:     each outer wait is longer than what happens inside it, or the process does not start.
 * Switch:   PATTERN_TIMEOUT_HIERARCHY=naive
 */
import { ConfigError } from '@nightshift/runtime/process/config'
import type { HoldTimeouts, Relation, Term } from './types.ts'

/** One term of a relation in words, the limits in it, and what it comes to. */
export type Amount = Readonly<{ term: string; limits: readonly string[]; value: number }>

/** A relation with the values that its limits have. */
export type CheckedRelation = Readonly<{
  larger: Amount
  smaller: readonly Amount[]
  /** The sum of the smaller side. */
  sum: number
  orEqual: boolean
  holds: boolean
  because: string
}>

/**
 * Lets limits through whose relations all hold. A timeout that breaks one would show only under
 * load, and then as something else: as a lost answer, or as work for a caller that has left.
 * @throws ConfigError naming every broken relation, so that three mistakes do not take three starts
 */
export const holdTimeouts: HoldTimeouts = (limits, relations) => {
  const broken = checkRelations(limits, relations).filter(({ holds }) => !holds)
  if (broken.length > 0) throw new ConfigError(broken.map(refusalOf))
  return limits
}

/**
 * Compares both sides of each relation. What is compared and what is printed is one and the same
 * name, so a relation cannot say one thing and check another.
 * @throws Error when a relation names a limit that is not there
 */
export function checkRelations(
  limits: object,
  relations: readonly Relation[],
): readonly CheckedRelation[] {
  return relations.map(({ larger, smaller, orEqual = false, because }) => {
    const [bound, parts] = [amountOf(limits, larger), smaller.map(term => amountOf(limits, term))]
    const sum = parts.reduce((total, { value }) => total + value, 0)
    const holds = orEqual ? bound.value >= sum : bound.value > sum
    return { larger: bound, smaller: parts, sum, orEqual, holds, because }
  })
}

/**
 * The limit under a path such as `http.requestBudgetMs`.
 * @throws Error when there is none
 */
export function limitAt(limits: object, path: string): number {
  let found: unknown = limits
  for (const name of path.split('.')) {
    const isThere = typeof found === 'object' && found !== null && Object.hasOwn(found, name)
    found = isThere ? (found as Record<string, unknown>)[name] : undefined
  }
  if (typeof found !== 'number') throw new Error(`there is no limit ${path}`)
  return found
}

/** The relation as an inequality, with the value of each limit. @param show writes one value */
export function inequalityOf(
  relation: CheckedRelation,
  show: (value: number) => string = String,
): string {
  const { larger, orEqual } = relation
  return `${withValue(larger, show)} ${orEqual ? '>=' : '>'} ${smallerSideOf(relation, show)}`
}

/** What has to fit: the smaller side of the relation, with its sum if it has several terms. */
export function smallerSideOf(
  { smaller, sum }: Pick<CheckedRelation, 'smaller' | 'sum'>,
  show: (value: number) => string = String,
): string {
  const terms = smaller.map(amount => withValue(amount, show)).join(' + ')
  return smaller.length > 1 ? `${terms} = ${show(sum)}` : terms
}

function withValue({ term, value }: Amount, show: (value: number) => string): string {
  return term === String(value) ? show(value) : `${term} (${show(value)})`
}

function refusalOf(relation: CheckedRelation): string {
  return `${inequalityOf(relation)} does not hold. Why it must: ${relation.because}`
}

function amountOf(limits: object, term: Term): Amount {
  if (typeof term === 'number') return { term: String(term), limits: [], value: term }
  if (typeof term === 'string') return { term, limits: [term], value: limitAt(limits, term) }
  const [times, , of] = term
  const [left, right] = [amountOf(limits, times), amountOf(limits, of)]
  return {
    term: `${left.term} * ${right.term}`,
    limits: [...left.limits, ...right.limits],
    value: left.value * right.value,
  }
}
