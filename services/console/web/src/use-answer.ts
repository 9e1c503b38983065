import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ask } from './store.ts'

const againMs = 2_000

/**
 * What the console answers at this path, as long as the component is on the page.
 * @param everyMs asks again and again; unset: until there is an answer
 * @returns the last answer, if there was one, and why the last question had none, or an empty text
 */
export function useAnswer<Answer>(
  path: string,
  everyMs?: number,
): { answer: Answer | undefined; problem: string } {
  const answer = useSignal<Answer | undefined>(undefined)
  const problem = useSignal('')
  useEffect(() => {
    let isAsking = false
    const read = async () => {
      if (isAsking) return
      isAsking = true
      try {
        answer.value = await ask<Answer>(path)
        problem.value = ''
        if (everyMs === undefined) clearInterval(timer)
      } catch (error) {
        problem.value = (error as Error).message
      }
      isAsking = false
    }
    const timer = setInterval(read, everyMs ?? againMs)
    void read()
    return () => clearInterval(timer)
  }, [path, everyMs])
  return { answer: answer.value, problem: problem.value }
}
