/** Compares the ledger with what the card provider did, and with its settlement file. */

import { findRunningSources } from '@nightshift/load-tests/reporting/running-sources'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { runningUrls } from '@nightshift/local/system/running-urls'
import { loadSecrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import {
  type Comparison,
  compareBooks,
  type Difference,
} from '@nightshift/payments/reconciliation/compare-ledger'
import { bookNames } from '@nightshift/payments/reconciliation/movement'
import { readBooks } from '@nightshift/payments/reconciliation/read-movements'
import { runCommandLine } from '../terminal/command-line.ts'
import { renderTable } from '../terminal/table.ts'

const help = `Usage: npm run reconcile [-- --month 2026-11] [--json]

Holds three books of the running system against each other, movement by movement: our ledger, the card
provider's own log, and the settlement file that it would send. Names each difference: missing_here
(the ledger lacks it), missing_there (the provider's log or its file does), twice, amount, currency,
payment, fee. Exit code 0 when there is none, 1 when there are some, 2 when a book can not be read.

Money that moved in the last 90 s and is not posted yet is listed apart, and is no difference: whoever
asks the provider again may be just about to learn of it.

  --month M   of what moved in that month (UTC); otherwise of everything
  --json      the comparison as JSON`

const options = { month: { type: 'string' }, json: { type: 'boolean' } } as const
const exitDifferent = 1
const exitUnknown = 2
/** As long as a payment may be open (L1). */
const inFlightMs = 90_000
/** A person reads the first of them; the JSON has all. */
const shownMax = 50

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) await runCommandLine({ help, options, run }, process.argv.slice(2))

async function run({ month, json }: Values): Promise<number> {
  let comparison: Comparison
  try {
    const period = periodOf(month)
    const books = await readBooks(await bookKeepers())
    comparison = compareBooks(books, { ...period, nowMs: Date.now(), inFlightMs })
  } catch (error) {
    // Nobody could be asked: that is no difference, which 1 would say.
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return exitUnknown
  }
  console.log(json ? JSON.stringify(comparison, null, 2) : textOf(comparison))
  return comparison.differences.length === 0 ? 0 : exitDifferent
}

/** @throws with what to do when nothing runs */
async function bookKeepers() {
  const urlOf = await runningUrls()
  const { postgresUrl } = await findRunningSources(process.env)
  const { cardProviderSecretKey } = await loadSecrets(statePaths().secrets)
  return {
    databaseUrl: databaseUrl(postgresUrl, { database: 'payments' }),
    providerUrl: urlOf('card-provider'),
    secretKey: cardProviderSecretKey,
  }
}

function periodOf(month: string | boolean | undefined): { fromMs: number; beforeMs: number } {
  if (typeof month !== 'string') return { fromMs: 0, beforeMs: Number.POSITIVE_INFINITY }
  const [, year, number] = /^(20[0-9]{2})-(0[1-9]|1[0-2])$/.exec(month) ?? []
  if (year === undefined) throw new Error('--month takes a month as 2026-11.')
  const first = (months: number) => Date.UTC(Number(year), Number(number) - 1 + months, 1)
  return { fromMs: first(0), beforeMs: first(1) }
}

function textOf({ counts, differences, inFlight }: Comparison): string {
  const seen = bookNames.map(book => `${book} ${counts[book]}`).join(', ')
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
    differences.map(({ kind, movement, id, paymentId, refundId, says, at }) => ({
      difference: kind,
      of: movement,
      at,
      ...Object.fromEntries(bookNames.map(book => [book, says[book] ?? '-'])),
      provider: id,
      payment: paymentId,
      refund: refundId,
    })),
  )
}
