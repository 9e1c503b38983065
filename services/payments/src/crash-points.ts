import { reachCrashPoint } from '@nightshift/runtime/process/crashpoint'

/**
 * The places at which an experiment can end this process. Each sentence says what is true there.
 */
export const paymentsCrashPoints = {
  'payment.claimed': 'The key and the payment are committed. The provider has not been asked.',
  'charge.begin':
    'The provider is about to be asked, for the first time or again; no transaction is open.',
  'charge.answered':
    'The provider has answered or stayed silent, and only this process knows. Money may have moved.',
  'settle.begin': 'The outcome is known and no transaction is open yet.',
  'refund.claimed': 'The refund is committed as pending. The provider has not been asked.',
  'refund.begin': 'The provider is about to be asked for a refund; no transaction is open.',
  'refund.answered':
    'The provider has answered or stayed silent about a refund, and only this process knows.',
} as const

export const crashpoint = (label: keyof typeof paymentsCrashPoints) => reachCrashPoint(label)
