import type { Found } from '@nightshift/local/parts/part'
import { expect, test } from 'vitest'
import { k6Command } from './k6-command.ts'

const files = {
  script: '/repository/load-tests/scenarios/baseline.ts',
  historyFile: '/run/history.jsonl',
  summaryFile: '/run/summary.json',
  htmlFile: undefined,
  env: { API_KEYS: 'ns_test_secret' },
}
const ways: Found[] = [
  { how: 'native', version: '2.2.0', from: 'PATH', run: { program: '/bin/k6' } },
  { how: 'docker', version: '2.2.0', image: 'grafana/k6:2.2.0' },
]

test.each(ways)(
  'run $how, k6 gets its API keys in the environment, which no other user can read',
  k6 => {
    const { args, env } = k6Command(k6, files)
    expect(args.join(' ')).not.toContain('ns_test_secret')
    expect(env).toMatchObject({ API_KEYS: 'ns_test_secret', K6_NO_USAGE_REPORT: 'true' })
    expect(args).toContain('--console-output=/run/history.jsonl')
    expect(args.at(-1)).toBe(files.script)
  },
)

test('a container gets every setting by name, and only the directories that it needs', () => {
  const docker = ways.find(({ how }) => how === 'docker') as Found
  const line = k6Command(docker, files).args.join(' ')
  expect(line).toContain('-e API_KEYS')
  expect(line).toContain('-v /repository/load-tests/scenarios:/repository/load-tests/scenarios:ro')
  expect(line).toContain('-v /run:/run')
})
