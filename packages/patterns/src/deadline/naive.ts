import type { ReadBudget } from '@nightshift/runtime/http/server'

/**
 * What most teams ship first: every service has a timeout of its own. What a caller still waits is
 * not read, so work goes on for callers that have left.
 */
export const ownBudget: ReadBudget = (_header, ownBudgetMs) => ownBudgetMs
