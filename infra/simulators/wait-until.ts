import { setTimeout as sleep } from 'node:timers/promises'

const pollEveryMs = 10

/** Asks until the answer is neither undefined nor false. Throws once the deadline has passed. */
export async function waitUntil<Answer>(
  what: string,
  ask: () => Promise<Answer> | Answer,
  deadlineMs = 5_000,
): Promise<NonNullable<Answer>> {
  const end = Date.now() + deadlineMs
  while (Date.now() < end) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    await sleep(pollEveryMs)
  }
  throw new Error(`waited ${deadlineMs} ms in vain until ${what}`)
}
