import { cycleViolations, packageCycleViolations } from './rules/cycles.ts'
import { environmentViolations } from './rules/environment.ts'
import { layerViolations } from './rules/layers.ts'
import { packageImportViolations } from './rules/package-imports.ts'
import {
  commentOpeningViolations,
  literalSpreadViolations,
  parameterCountViolations,
} from './rules/readable-code.ts'
import {
  bannedWordViolations,
  barrelViolations,
  fileLengthViolations,
  smallFileViolations,
  vagueNameViolations,
} from './rules/shapes.ts'
import { waitingViolations } from './rules/waiting.ts'
import type { SourceFile } from './source-tree.ts'
import type { Violation } from './violation.ts'

/** Checks one source tree against every rule. The tree is read beforehand. */
export function checkTree(
  files: readonly SourceFile[],
  environmentAllowed: Readonly<Record<string, string>> = {},
): Violation[] {
  return [
    ...packageImportViolations(files),
    ...packageCycleViolations(files),
    ...layerViolations(files),
    ...waitingViolations(files),
    ...environmentViolations(files, environmentAllowed),
    ...cycleViolations(files),
    ...barrelViolations(files),
    ...fileLengthViolations(files),
    ...smallFileViolations(files),
    ...vagueNameViolations(files),
    ...literalSpreadViolations(files),
    ...parameterCountViolations(files),
    ...commentOpeningViolations(files),
    ...bannedWordViolations(files),
  ]
}
