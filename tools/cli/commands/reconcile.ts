/** Compares the ledger with what the card provider did, and with its settlement file. */

import { findRunningSources } from '@nightshift/load-tests/reporting/running-sources'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { runningUrls } from '@nightshift/local/system/running-urls'
import { loadSecrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import {
  type Comparison,
  compareRecords,
  type Difference,
} from '@nightshift/payments/reconciliation/compare-ledger'
import { recordNames } from '@nightshift/payments/reconciliation/movement'
import { readRecords } from '@nightshift/payments/reconciliation/read-movements'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'
import { renderTable } from '../terminal/table.ts'

const description = `Compares three records of the running system, movement by movement: our ledger, the
card provider's own log, and the settlement file that it would send. Names each difference: missing_here
(the ledger lacks it), missing_there (the provider's log or its file does), twice, amount, currency,
payment, fee. Exit code 0 when there is none, 1 when there are some, 2 when a record cannot be read.

Money that moved in the last 90 s and is not posted yet is listed apart, and is no difference: the next
check of the provider may be just about to learn of it.`

const exitDifferent = 1
const exitUnknown = 2
/** A payment may be open for this long: every pending payment is final in 90 s (L1). */
const inFlightMs = 90_000
/** A person reads the first of them; the JSON has all. */
const shownMax = 50

export const command = npmCommand('reconcile', description)
  .option('--month <month>', 'what moved in a month such as 2026-11 (UTC)', parsedBy(readMonth))
  .option('--json', 'the comparison as JSON')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Period = { fromMs: number; beforeMs: number }

async function run({ month, json }: { month?: Period; json?: boolean }): Promise<number> {
  const period = month ?? { fromMs: 0, beforeMs: Number.POSITIVE_INFINITY }
  let comparison: Comparison
  try {
    const records = await readRecords(await sourcesOfRecords())
    comparison = compareRecords(records, { ...period, nowMs: Date.now(), inFlightMs })
  } catch (error) {
    // A record could not be read. That is no difference, which exit code 1 would say.
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return exitUnknown
  }
  console.log(json ? JSON.stringify(comparison, null, 2) : textOf(comparison))
  return comparison.differences.length === 0 ? 0 : exitDifferent
}

/** @throws with what to do when nothing runs */
async function sourcesOfRecords() {
  const urlOf = await runningUrls()
  const { postgresUrl } = await findRunningSources(process.env)
  const { cardProviderSecretKey } = await loadSecrets(statePaths().secrets)
  return {
    databaseUrl: databaseUrl(postgresUrl, { database: 'payments' }),
    providerUrl: urlOf('card-provider'),
    secretKey: cardProviderSecretKey,
  }
}

function readMonth(month: string): Period {
  const [, year, number] = /^(20[0-9]{2})-(0[1-9]|1[0-2])$/.exec(month) ?? []
  if (year === undefined) throw new Error('--month takes a month as 2026-11.')
  const first = (months: number) => Date.UTC(Number(year), Number(number) - 1 + months, 1)
  return { fromMs: first(0), beforeMs: first(1) }
}

function textOf({ counts, differences, inFlight }: Comparison): string {
  const seen = recordNames.map(record => `${record} ${counts[record]}`).join(', ')
  const more = differences.length - shownMax
  const sections = [
    `Movements: ${seen}.`,
    differences.length === 0
      ? 'No difference.'
      : `Differences: ${differences.length}.\n${tableOf(differences.slice(0, shownMax))}`,
    more > 0 ? `And ${more} more: --json has all.` : '',
    inFlight.length === 0
      ? ''
      : `Not posted yet: ${inFlight.length}.\n${tableOf(inFlight.slice(0, shownMax))}`,
  ]
  return sections.filter(text => text !== '').join('\n\n')
}

function tableOf(differences: readonly Difference[]): string {
  return renderTable(
    differences.map(({ kind, movement, id, paymentId, refundId, values, at }) => ({
      difference: kind,
      of: movement,
      at,
      ...Object.fromEntries(recordNames.map(record => [record, values[record] ?? '-'])),
      provider: id,
      payment: paymentId,
      refund: refundId,
    })),
  )
}
