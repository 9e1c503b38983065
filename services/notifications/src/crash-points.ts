import { reachCrashPoint } from '@nightshift/runtime/process/crashpoint'

/**
 * The places at which an experiment can end this process. Each sentence says what is true there.
 */
export const notificationsCrashPoints = {
  'mail.accepted':
    'The mail server has the mail, and this is not recorded yet: it may be sent again.',
} as const

export const crashpoint = (label: keyof typeof notificationsCrashPoints) => reachCrashPoint(label)
