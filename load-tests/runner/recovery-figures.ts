import type { Caller } from '../harness/retrying-callers.ts'
import { type Figures, round } from '../reporting/figures.ts'

/** How long a system is watched before, during and after a trouble. */
export type Phases = Readonly<{
  /** Callers come, and nothing is counted: there are connections to open and code to compile. */
  warmUpSeconds: number
  beforeSeconds: number
  troubleSeconds: number
  afterSeconds: number
  /** The last of the seconds after it: what is not well by then is not coming back. */
  endSeconds: number
}>

type Watched = Readonly<{
  phases: Phases
  /** The end of the warm-up, on the monotonic clock. */
  startedMs: number
  callersPerSecond: number
}>

/** The system is back when it serves this share of its callers, in several seconds in a row. */
const backShare = 0.9
const backSeconds = 5

/**
 * Whom a system served, second by second, and when it was back. A second counts the callers that
 * were served in it, whenever they came.
 */
export function recoveryFigures(
  callers: readonly Caller[],
  { phases, startedMs, callersPerSecond }: Watched,
): { figures: Figures; servedEachSecond: readonly number[] } {
  const { beforeSeconds, troubleSeconds, afterSeconds, endSeconds } = phases
  const healedAt = beforeSeconds + troubleSeconds
  const seconds = healedAt + afterSeconds
  const secondOf = (ms: number) => Math.floor((ms - startedMs) / 1_000)
  const servedEachSecond = Array<number>(seconds).fill(0)
  for (const { servedMs } of callers) {
    const second = servedMs === undefined ? seconds : secondOf(servedMs)
    // Some were served in the warm-up, and those who came at the very end after it.
    if (second >= 0 && second < seconds)
      servedEachSecond[second] = (servedEachSecond[second] ?? 0) + 1
  }
  const between = (from: number, until: number) =>
    callers.filter(({ cameMs }) => secondOf(cameMs) >= from && secondOf(cameMs) < until)
  const before = between(0, beforeSeconds)
  const atEnd = between(seconds - endSeconds, seconds)
  const isServed = ({ servedMs }: Caller) => servedMs !== undefined
  const servedAtEnd = atEnd.filter(isServed).length
  const attemptsAtEnd = atEnd.reduce((sum, { attempts }) => sum + attempts, 0)
  return {
    servedEachSecond,
    figures: {
      unservedShareBefore: round(1 - before.filter(isServed).length / before.length),
      secondsUntilBack: secondsUntilBack(servedEachSecond.slice(healedAt), callersPerSecond),
      callersAtEnd: atEnd.length,
      unservedAtEnd: atEnd.length - servedAtEnd,
      servedShareAtEnd: round(servedAtEnd / atEnd.length),
      attemptsPerCallerAtEnd: round(attemptsAtEnd / atEnd.length),
    },
  }
}

/**
 * The first of several good seconds after which it stays well on the whole: a good moment, after which
 * it collapses again, is no recovery. All the seconds that there are if it was never back.
 */
function secondsUntilBack(served: readonly number[], callersPerSecond: number): number {
  const isEnough = (seconds: readonly number[]) =>
    seconds.length >= backSeconds && sum(seconds) >= backShare * seconds.length * callersPerSecond
  const from = served.findIndex(
    (_, second) =>
      isEnough(served.slice(second, second + backSeconds)) && isEnough(served.slice(second)),
  )
  return from < 0 ? served.length : from
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
