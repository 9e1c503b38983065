import { describeMachine } from './machine.ts'

/** The commit that a figure belongs to, and whether the tree was that commit's. */
export type Commit = Readonly<{ commit: string; dirty: boolean }>

type What<Kind extends string> = Readonly<{
  name: string
  kind: Kind
  title: string
  /** What repeats the run. */
  command: string
  seed: number
}>

/** What every file of `load-tests/results` begins with: what was run, of which commit, on what. */
export async function resultHead<Kind extends string>(
  { name, kind, title, command, seed }: What<Kind>,
  { commit, dirty }: Commit,
) {
  return {
    ...{ name, kind, title, command, commit, dirty, seed },
    date: new Date().toISOString(),
    machine: await describeMachine(),
    sharedCores: true,
  }
}
