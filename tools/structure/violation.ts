/** One broken rule at one place, in words that say what to do about it. */
export type Violation = Readonly<{ rule: string; file: string; line: number; message: string }>
