const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** Reads `500ms`, `10s`, `1.5m` into ms. @throws a message for a person beyond `maxMs` or for anything else */
export function readDuration(name: string, text: string, maxMs: number): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const ms = Number(amount) * unitsMs[unit as keyof typeof unitsMs]
  if (ms > 0 && ms <= maxMs) return ms
  throw new Error(`${name} must be like 500ms, 10s or 2m, and at most ${maxMs / unitsMs.m}m`)
}
