import { crashpoint as reachCrashPoint } from '@nightshift/runtime/process/crashpoint'
export const crashpoint = reachCrashPoint
