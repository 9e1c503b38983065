import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { expect, test } from 'vitest'
import { commandGroups } from './docs.ts'

test('every npm script that starts a command is on the page of commands', () => {
  const { scripts } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8'))
  const started = Object.values<string>(scripts).flatMap(script => {
    const [, name, ...rest] = /^node tools\/cli\/bootstrap\.mjs ([\w-]+)(.*)/.exec(script) ?? []
    return name === undefined || rest[0] !== '' ? [] : [name]
  })
  const documented = commandGroups
    .flatMap(({ commands }) => commands)
    .map(command => command.name().split(' ').at(-2))
  expect(documented.toSorted()).toEqual([...new Set(started)].toSorted())
})
