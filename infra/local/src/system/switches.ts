import patterns from '@nightshift/patterns/patterns.json' with { type: 'json' }
import { nearestNames } from '../nearest-names.ts'

const switchNames = patterns.map(pattern => pattern.switch)
const otherNames = ['CRASH_AT', 'BLOCK_AT', 'LOG_LEVEL', 'OTEL_TRACES_SAMPLER_ARG']

/**
 * The variables of a caller's environment that reach the services, as experiments set them.
 * @throws Error naming a `PATTERN_` variable that is no switch: the system would start without it,
 *   and the pattern would be on although the caller believes that it is off
 */
export function switchesIn(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const switches: Record<string, string> = {}
  const unknown: string[] = []
  for (const [name, value] of Object.entries(environment)) {
    const isPattern = name.startsWith('PATTERN_')
    if (value === undefined || !(isPattern || otherNames.includes(name))) continue
    if (isPattern && !switchNames.includes(name)) unknown.push(refusalOf(name))
    else switches[name] = value
  }
  if (unknown.length > 0) throw new Error(unknown.join('\n'))
  return switches
}

function refusalOf(name: string): string {
  const near = nearestNames(name, switchNames)
  const hint = near.length > 0 ? `Near: ${near.join(', ')}` : `There are: ${switchNames.join(', ')}`
  return `${name} is no switch. ${hint}`
}
