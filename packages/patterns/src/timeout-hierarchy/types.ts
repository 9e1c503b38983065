/** The same limits with any values: a service that is handed its limits must not know them. */
export type AnyValues<Limits> = {
  readonly [Name in keyof Limits]: Limits[Name] extends number ? number : AnyValues<Limits[Name]>
}

/** The paths of all numbers, such as `http.requestBudgetMs`. */
export type LimitPath<Limits> = {
  [Name in keyof Limits & string]: Limits[Name] extends number
    ? Name
    : `${Name}.${LimitPath<Limits[Name]>}`
}[keyof Limits & string]

/** A limit by its path, a number that needs no name, or a product such as `[2, '*', 'workersMax']`. */
export type Term<Path extends string = string> =
  | Path
  | number
  | readonly [times: Path | number, '*', of: Path]

/**
 * Two sides that must fit each other. It is data and not an assertion, so that a tool can print it,
 * and check it with other values. Mostly both sides are waits in milliseconds; they may be
 * connections or other counts as well, as their names say.
 */
export type Relation<Path extends string = string> = Readonly<{
  /** The outer wait, or the room that there is. */
  larger: Term<Path>
  /** What happens inside it, one after another: these are added up. */
  smaller: readonly Term<Path>[]
  /** Both sides may be equal: the smaller side has a margin of its own. */
  orEqual?: true
  /** A sentence about what follows from the relation: a process that refuses to start gives it. */
  because: string
}>

/** Chooses the limits that a service runs with. The pattern and its naive version both are one. */
export type HoldTimeouts = <Limits extends object>(
  limits: Limits,
  relations: readonly Relation<LimitPath<Limits>>[],
) => Limits
