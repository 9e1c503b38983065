import type { RandomSource } from '../../../simulators/random-source.ts'
import type { Outlet, Stage } from './stage.ts'
import type { Attributes, ToxicType } from './toxic.ts'

/**
 * Puts a toxic to work on one direction of one connection. `read` answers the attributes as they
 * are now: they may change while the stage lives.
 */
export type OpenStage<Type extends ToxicType> = (
  outlet: Outlet,
  read: () => Attributes<Type>,
  dice: RandomSource,
) => Stage
