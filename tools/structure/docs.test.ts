import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsIn, type Page, pageViolations, type Surroundings } from './docs.ts'
import { readRepository } from './source-tree.ts'

const repository = join(import.meta.dirname, '../..')

test('every link, anchor, command and path on every page is real', () => {
  const pages = readRepository().filter(({ path }) => path.endsWith('.md'))
  const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  const around: Surroundings = {
    pages,
    exists: path => existsSync(join(repository, path)),
    scripts: Object.keys(manifest.scripts),
  }
  const violations = pages.flatMap(page => pageViolations(page, around))
  expect(violations.map(v => `${v.file}:${v.line} [${v.rule}] ${v.message}`)).toEqual([])
})

describe('a wrong claim of a page is found', () => {
  const outbox: Page = { path: 'docs/outbox.md', text: '# The outbox\n\n## Why not `2PC`?\n' }

  function rulesBrokenBy(text: string, path = 'docs/README.md'): string[] {
    const page = { path, text }
    const files = ['docs', 'docs/outbox.md', 'docs/README.md', 'services/payments/src/main.ts']
    const around: Surroundings = {
      pages: [outbox, page],
      exists: name => files.includes(name.replace(/\/$/, '')),
      scripts: ['start', 'check', 'node'],
    }
    return pageViolations(page, around).map(({ rule }) => rule)
  }

  test.each([
    ['[outbox](outbox.md)', []],
    ['[outbox](./outbox.md#the-outbox "a title")', []],
    ['[outbox](/docs/outbox.md#why-not-2pc)', []],
    ['# Here\n[up](#here)', []],
    ['[site](https://example.org/nothing#x) and [mail](mailto:a@example.org)', []],
    ['`[not](a-link.md)`', []],
    ['```md\n[not](a-link.md)\n```', []],
    ['[gone](inbox.md)', ['link']],
    ['![picture](outbox.png)', ['link']],
    ['[up]\n\n[up]: ../README.md', ['link']],
    ['[gone](outbox.md#the-inbox)', ['anchor']],
    ['```md\n# Here\n```\n[up](#here)', ['anchor']],
    ['`npm start`, then `npm run check`', []],
    ['```sh\nnpm run storm\n```', ['command']],
    ['npm test', ['command']],
    ['```sh\nnode services/payments/src/main.ts\n```', ['command']],
    ['`PORT=1 node services/payments/src/main.ts`', ['command']],
    ['`npm run node -- services/payments/src/main.ts`', []],
    ['`node tools/cli/bootstrap.mjs start`', []],
    ['`services/payments/src/main.ts:12` lies under `docs/`', []],
    ['`services/<name>/src/main.ts` and `services/*/src`', []],
    ['`services/payments/src/server.ts`', ['path']],
  ])('%s', (text, rules) => {
    expect(rulesBrokenBy(text)).toEqual(rules)
  })
})

test('headings of the same name get different anchors, as on GitHub', () => {
  const text = '# A b\n## A b\n## `C`: [d](e.md), f_g\n'
  expect([...anchorsIn(text)]).toEqual(['a-b', 'a-b-1', 'c-d-f_g'])
})
