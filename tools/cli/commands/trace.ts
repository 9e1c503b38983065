/** Draws a trace, and the traces that it led to, as a waterfall. */

import { runningUrls } from '@nightshift/local/system/running-urls'
import { waitUntil } from '@nightshift/local/wait-until'
import type { LinkedTraces } from '@nightshift/observability/trace-sink'
import { drawWaterfall } from '@nightshift/observability/waterfall'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Draws the spans of a trace and of every trace that is linked to it: across Kafka a new trace
begins, and remembers the one that caused it. The id is in the answer of \`npm run journey\` and
in each log line. The trace sink keeps traces in memory; with another collector, look there.`

/** Services export twice a second, so a trace that has not grown for longer than that is complete. */
const quietMs = 700
const exportedMs = 4_000
const answerMs = 5_000

export const command = npmCommand('trace', description)
  .argument('<trace-id>', '32 hexadecimal digits', parsedBy(readTraceId))
  .option('--json', 'one JSON document instead of a picture')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

function readTraceId(text: string): string {
  if (/^[0-9a-f]{32}$/.test(text)) return text
  throw new Error('A trace id is 32 hexadecimal digits.')
}

async function run(id: string, { json }: { json?: boolean }): Promise<number> {
  const sink = (await runningUrls())('trace-sink')
  let found: LinkedTraces | undefined
  let spans = 0
  const isComplete = async () => {
    const answer = await fetch(`${sink}/traces/${id}`, { signal: AbortSignal.timeout(answerMs) })
    if (answer.ok) found = (await answer.json()) as LinkedTraces
    const before = spans
    spans = found?.traces.flat().length ?? 0
    return spans > 0 && spans === before
  }
  await waitUntil(isComplete, exportedMs, quietMs)
  if (!found) throw new Error(`There is no trace ${id}; the sink keeps the last few thousand.`)
  console.log(json ? JSON.stringify(found, null, 2) : drawWaterfall(found))
  return 0
}
