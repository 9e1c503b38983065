import { borderViolations } from './rules/borders.ts'
import { cycleViolations } from './rules/cycles.ts'
import { environmentViolations } from './rules/environment.ts'
import { roomViolations } from './rules/rooms.ts'
import {
  bannedWordViolations,
  barrelViolations,
  fileLengthViolations,
  vagueNameViolations,
} from './rules/shapes.ts'
import { waitingViolations } from './rules/waiting.ts'
import type { SourceFile } from './source-tree.ts'
import type { Violation } from './violation.ts'

/** Every rule of the house against one source tree. Pure: the tree is read beforehand. */
export function checkTree(
  files: readonly SourceFile[],
  environmentAllowed: Readonly<Record<string, string>> = {},
): Violation[] {
  return [
    ...borderViolations(files),
    ...roomViolations(files),
    ...waitingViolations(files),
    ...environmentViolations(files, environmentAllowed),
    ...cycleViolations(files),
    ...barrelViolations(files),
    ...fileLengthViolations(files),
    ...vagueNameViolations(files),
    ...bannedWordViolations(files),
  ]
}
