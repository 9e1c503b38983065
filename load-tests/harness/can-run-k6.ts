import { environmentOf, findExecutable } from '@nightshift/local/machine'

const programs = await Promise.all(
  ['k6', 'go'].map(name => findExecutable(name, environmentOf({}))),
)

/** The system runs without k6 and Go. On a machine with neither, tests that need k6 are skipped. */
export const canRunK6 = programs.some(program => program !== undefined)
