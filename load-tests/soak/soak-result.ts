import { type Figures, spreadOf } from '../reporting/figures.ts'
import { type Commit, resultHead } from '../reporting/result-head.ts'
import type { Growth } from './growth.ts'

export const soakResult = 'soak'

/** The result of one soak, in the format of `result.schema.json`, with the growth of each table. */
export async function resultOfSoak(
  measured: Readonly<{ figures: Figures; tables: readonly Growth[] }>,
  run: Readonly<{ command: string; seed: number; commit: Commit }>,
) {
  const { command, seed, commit } = run
  const title = 'What grows while the system is used at a steady rate'
  const about = { name: soakResult, kind: 'bench', title, command, seed }
  const tables: Record<string, Record<string, Omit<Growth, 'service' | 'table'>>> = {}
  for (const { service, table, ...growth } of measured.tables) {
    tables[service] = { ...tables[service], [table]: growth }
  }
  return {
    ...(await resultHead(about, commit)),
    arms: { soak: spreadOf([measured.figures]) },
    tables,
    outcome: 'measured',
  }
}
