import type { LinkName } from '@nightshift/local/system/links'
import type { ProcessName } from '@nightshift/local/system/topology'
import type { Area } from './experiment.ts'

/** How a dependency fails: it refuses connections, or each of its answers is late. */
export const faultStates = ['down', 'slow'] as const
export type FaultState = (typeof faultStates)[number]

/** What a user wants. The last two are no requests: they follow from a publication. */
export const journeys = [
  'pay',
  'see a payment',
  'draft',
  'publish',
  'go live',
  'search',
  'save an alert',
  'get a mail',
] as const
export type Journey = (typeof journeys)[number]

/**
 * What a user sees, best first. `later`: it happens once the fault is over. `queued`: 202, and the
 * same. `refused`: 503 with Retry-After, and the same request succeeds once the fault is over.
 */
export const answersBestFirst = ['works', 'slower', 'later', 'queued', 'refused', 'broken'] as const
export type SeenAnswer = (typeof answersBestFirst)[number]

type ExpectedAnswer = Exclude<SeenAnswer, 'broken'>

/**
 * What is broken: links that are cut or late, a process that is stopped or frozen, or settings of the
 * card provider.
 */
export type FaultySpot =
  | Readonly<{ links: readonly LinkName[] }>
  | Readonly<{ process: ProcessName }>
  | Readonly<{ settings: Readonly<Record<FaultState, Readonly<Record<string, number>>>> }>

export type Dependency = Readonly<{
  name: string
  spot: FaultySpot
  /** One sentence: why the cells of this row are as they are. */
  why: string
  /** Every other journey works. */
  expected: Readonly<Record<FaultState, Readonly<Partial<Record<Journey, ExpectedAnswer>>>>>
}>

/** One dependency in one state, for which there is one case for each journey. */
export type DependencyFault = Readonly<{ dependency: Dependency; state: FaultState }>

/** Every dependency of the system, down and slow, combined with every journey of a user. */
export type ResiliencyMatrix = Readonly<{
  name: string
  title: string
  area: Area
  hypothesis: string
  dependencies: readonly Dependency[]
}>

/** All dependencies while they are down, and then all while they are slow. */
export function faultsOf({ dependencies }: ResiliencyMatrix): DependencyFault[] {
  return faultStates.flatMap(state => dependencies.map(dependency => ({ dependency, state })))
}

export function expectedAnswer(
  { dependency, state }: DependencyFault,
  journey: Journey,
): ExpectedAnswer {
  return dependency.expected[state][journey] ?? 'works'
}
