import type { JourneyResult } from '../journey.ts'

const nameColumns = 46

/** A journey as lines for a person: each step with its time and its ids. */
export function printJourney(result: JourneyResult): string {
  const lines = result.steps.map((step, index) => {
    const ids = Object.entries(step.ids).map(([name, id]) => `${name} ${id}`)
    const outcome = step.failure === undefined ? ids.join(', ') : `FAILED: ${step.failure}`
    const ms = `${step.ms.toFixed(0)} ms`.padStart(9)
    return `  ${index + 1}. ${step.name.padEnd(nameColumns)} ${ms}  ${outcome}`
  })
  const end = result.ok ? 'done' : 'FAILED'
  const trace = result.traceId ? `   npm run trace ${result.traceId}` : ''
  return [...lines, `  ${end} in ${result.ms.toFixed(0)} ms${trace}`].join('\n')
}
