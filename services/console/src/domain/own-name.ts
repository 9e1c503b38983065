import type { ProcessStatus } from '@nightshift/local/supervisor/process-spec'

const ofTestSystem = /^t_[0-9a-f]{8}_/

/**
 * The name of a process without the prefix of its system. The parts are shared and have none.
 * @returns undefined for a process of another system: the console starts some itself
 */
export function ownName(
  { name, kind }: Pick<ProcessStatus, 'name' | 'kind'>,
  prefix: string,
): string | undefined {
  if (prefix !== '' && name.startsWith(prefix)) return name.slice(prefix.length)
  if (ofTestSystem.test(name)) return undefined
  return kind === 'part' || prefix === '' ? name : undefined
}
