import type { Growth } from '@nightshift/load-tests/soak/growth'
import type { SoakSamples } from '@nightshift/load-tests/soak/measure-soak'
import { renderTable } from './table.ts'

/** How much each table had, and how fast it grows, one line each. */
export function describeGrowth(tables: readonly Growth[]): string {
  const rows = tables.map(growth => ({
    table: `${growth.service}.${growth.table}`,
    'rows before': growth.rowsBefore,
    after: growth.rowsAfter,
    'per 1,000 payments': Math.round(growth.rowsPerThousandPayments),
    'MiB before': mebibytes(growth.bytesBefore),
    'MiB after': mebibytes(growth.bytesAfter),
    'KiB per 1,000 payments': Math.round(growth.bytesPerThousandPayments / kibibyte),
    kept: growth.keptDays === undefined ? 'for ever' : `${growth.keptDays} d`,
    'settles at MiB':
      growth.settlesAtBytes === undefined ? '-' : String(mebibytes(growth.settlesAtBytes)),
  }))
  return [
    renderTable(rows),
    'The growth is that of the second half. In the first one, rows were deleted that were old at the begin.',
  ].join('\n')
}

/** Memory and files of each part, before the run, after half of it, and at its end. */
export function describeParts({ before, half, after }: SoakSamples): string {
  const memory = Object.keys(after.memoryMiB).map(name => ({
    'resident MiB': name,
    before: shown(before.memoryMiB[name]),
    half: shown(half.memoryMiB[name]),
    end: shown(after.memoryMiB[name]),
  }))
  const files = Object.keys(after.bytesOf).map(name => ({
    'MiB on disk': name,
    before: mebibytes(before.bytesOf[name] ?? 0),
    half: mebibytes(half.bytesOf[name] ?? 0),
    end: mebibytes(after.bytesOf[name] ?? 0),
  }))
  return [renderTable(memory), renderTable(files)].join('\n\n')
}

const kibibyte = 1_024

function mebibytes(bytes: number): number {
  return Math.round((bytes / kibibyte / kibibyte) * 10) / 10
}

/** A process that did not run then has no figure. */
function shown(mebibytesOf: number | undefined): string {
  return mebibytesOf === undefined ? '-' : String(mebibytesOf)
}
