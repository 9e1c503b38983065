/** Draws a trace, and the traces that it led to, as a waterfall. */

import { runningUrls } from '@nightshift/local/system/running-urls'
import { waitUntil } from '@nightshift/local/wait-until'
import type { LinkedTraces } from '@nightshift/observability/trace-sink'
import { drawWaterfall } from '@nightshift/observability/waterfall'
import { runCommandLine } from '../terminal/command-line.ts'

const help = `Usage: npm run trace -- <trace id> [--json]

Draws the spans of a trace and of every trace that is linked to it: across Kafka a new trace begins,
and remembers the one that caused it. The id is in the answer of \`npm run journey\` and in each log
line. Traces are kept in memory by the trace sink; with another collector, look there.`

const options = { json: { type: 'boolean' } } as const
/** Services export twice a second, so a family that has not grown for longer than that is whole. */
const quietMs = 700
const exportedMs = 4_000
const answerMs = 5_000

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run({ json }: { json?: string | boolean }, [id, ...more]: readonly string[]) {
  if (id === undefined || more.length > 0) throw new Error(`One trace id is needed.\n\n${help}`)
  if (!/^[0-9a-f]{32}$/.test(id)) throw new Error('A trace id is 32 hexadecimal digits.')
  const sink = (await runningUrls())('trace-sink')
  let family: LinkedTraces | undefined
  let spans = 0
  const isWhole = async () => {
    const answer = await fetch(`${sink}/traces/${id}`, { signal: AbortSignal.timeout(answerMs) })
    if (answer.ok) family = (await answer.json()) as LinkedTraces
    const before = spans
    spans = family?.traces.flat().length ?? 0
    return spans > 0 && spans === before
  }
  await waitUntil(isWhole, exportedMs, quietMs)
  if (!family) throw new Error(`There is no trace ${id}; the sink keeps the last few thousand.`)
  console.log(json ? JSON.stringify(family, null, 2) : drawWaterfall(family))
  return 0
}
