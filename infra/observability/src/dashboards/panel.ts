/** One question that a dashboard answers, and the queries that answer it. */
export type Panel = Readonly<{
  /** The question, or the thing that is shown. */
  title: string
  unit: 's' | 'reqps' | 'percentunit' | 'short' | 'bytes'
  /** PromQL by its legend, in which `{{label}}` is replaced. */
  queries: Readonly<Record<string, string>>
}>

export type Row = Readonly<{ title: string; panels: readonly Panel[] }>

export type DashboardPlan = Readonly<{
  /** Also the name of its file. */
  name: string
  title: string
  rows: readonly Row[]
}>
